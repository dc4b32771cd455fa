insert into ledger_seal (tenant, size, previous, root, peaks, key, signature, at) values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict do nothing

insert into gift_card (id, tenant, code_hash, tail, currency, amount, expires_at, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)

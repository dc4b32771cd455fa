select size, previous, root, peaks, key, signature, at from ledger_seal where tenant = $1 order by size desc limit 1

insert into idempotency (tenant, scope, key, request_hash, reply, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict (tenant, scope, key) do nothing

insert into api_key (id, tenant, name, hash, tail, permissions, made_by, created_at, expires_at, revoked_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)

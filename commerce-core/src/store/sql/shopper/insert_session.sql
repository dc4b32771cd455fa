insert into shopper_session (hash, tenant, customer, provider, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)

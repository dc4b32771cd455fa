insert into shopper_identity (tenant, provider, subject, customer, created_at) values ($1, $2, $3, $4, $5)
on conflict (tenant, provider, subject) do nothing

insert into rule_version (tenant, rule_id, version, state, body, valid_to, created_at) values ($1, $2, $3, $4, $5, $6, $7)
on conflict do nothing

insert into staff (id, tenant, login, name, role, state, password, factor, is_factor_confirmed, factor_step, failures, locked_until, version,
                   created_at, updated_at)
values ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0, 0, $8, $9, $9)
on conflict (tenant, login) do nothing

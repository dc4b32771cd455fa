update staff
set name = $4, role = $5, state = $6, password = $7, factor = $8, is_factor_confirmed = $9, factor_step = $10, failures = $11,
    locked_until = $12, updated_at = $13, version = version + 1
where tenant = $1 and id = $2 and version = $3

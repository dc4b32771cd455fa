update difference set assigned_to = $4, status = $5, resolution = $6, note = $7, version = version + 1, updated_at = $8
where id = $1 and tenant || '' = $2 and version = $3

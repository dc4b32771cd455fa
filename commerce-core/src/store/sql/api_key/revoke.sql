update api_key set revoked_at = $3 where tenant = $1 and id = $2 and revoked_at = 0

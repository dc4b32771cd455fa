update webhook_endpoint
set url = $3, events = $4, state = $5, generation = $6, overlap_until = $7, failures = $8, open_until = $9, updated_at = $10
where tenant = $1 and id = $2

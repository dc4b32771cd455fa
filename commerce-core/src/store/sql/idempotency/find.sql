select request_hash, reply from idempotency where tenant = $1 and scope = $2 and key = $3

select code_hash, failures, sent_at, sent, counted_from, expires_at from phone_code where tenant = $1 and phone_hash = $2

update inbox set state = $4, reason = $5 where tenant = $1 and channel = $2 and event_id = $3 and state = 'RECEIVED'

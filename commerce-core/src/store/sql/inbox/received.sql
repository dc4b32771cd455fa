select channel, event_id, body, received_at from inbox where tenant = $1 and state = 'RECEIVED' order by received_at limit $2

update webhook_delivery
set state = 'DEAD', settled_at = $4, last_error = case when last_error = '' then $5 else last_error end
where endpoint = $2 and state = 'PENDING' and queued_at <= $3 and claim = '' and tenant || '' = $1

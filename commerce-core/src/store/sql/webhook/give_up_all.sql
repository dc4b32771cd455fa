update webhook_delivery set state = 'DEAD', settled_at = $3, last_error = $4, claim = ''
where endpoint = $2 and state = 'PENDING' and tenant || '' = $1

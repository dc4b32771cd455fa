update proposal set state = $3 where tenant = $1 and id = $2 and state = 'OPEN'

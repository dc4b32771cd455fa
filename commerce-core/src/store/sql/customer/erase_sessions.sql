delete from shopper_session where tenant = $1 and customer = $2

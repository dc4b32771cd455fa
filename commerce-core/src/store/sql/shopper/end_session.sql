delete from shopper_session where hash = $1

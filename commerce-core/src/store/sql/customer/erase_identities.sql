delete from shopper_identity where tenant = $1 and customer = $2

delete from address where tenant = $1 and customer = $2

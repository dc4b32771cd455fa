delete from address where tenant = $1 and customer = $2 and id = $3

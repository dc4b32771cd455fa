select id from orders where customer = $2 and tenant || '' = $1 and state not in ('COMPLETED', 'CANCELED') limit 1

update refund set reason = '', version = version + 1
where tenant = $1 and orders in (select o.id from orders o where o.tenant = $1 and o.customer = $2)

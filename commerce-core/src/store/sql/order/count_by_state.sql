select state, count(*) as orders, cast(sum(total) as bigint) as total from orders where tenant = $1 group by state

-- What an order says it got, against its payments and refunds.
select o.id as subject, o.paid as found, coalesce(p.captured, 0) - coalesce(r.back, 0) as expected
from orders o
left join (select orders, cast(sum(amount) as bigint) as captured from payment
           where state in ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED') group by orders) p on p.orders = o.id
left join (select orders, cast(sum(amount) as bigint) as back from refund
           where state <> 'REFUND_FAILED' group by orders) r on r.orders = o.id
where o.tenant = $1 and o.paid <> coalesce(p.captured, 0) - coalesce(r.back, 0)
limit 1

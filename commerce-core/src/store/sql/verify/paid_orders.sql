-- An order that costs something does not go ahead with nothing paid, unless all of it was given back or the buyer has the bank
-- take the money back. One that is paid in part may: a change can have made it cost more.
select o.id as subject, o.paid as found, o.total - o.returned as expected
from orders o
where o.tenant = $1 and o.state not in ('CREATED', 'PENDING_PAYMENT', 'CANCELED') and o.total > 0 and o.paid = 0
  and o.returned < o.total
  and not exists (select 1 from dispute d where d.orders = o.id and d.state <> 'WON')
limit 1

-- The named payments with every other payment of their orders, and whether those orders have something to ship.
select p.id, p.orders, p.channel, p.card, p.state, p.currency, p.amount, p.refunding, p.refunded, p.deposited, p.fee, p.fee_returned,
       p.channel_no, p.pay_url, p.failure, p.expires_at, p.check_at, p.checks, p.version, p.created_at, p.updated_at,
       case when exists (select 1 from order_line l where l.orders = p.orders and l.kind = 'physical') then 1 else 0 end as ships
from json_each($2) as want
cross join payment named
cross join payment p
where named.id = want.value ->> 'payment' and named.tenant || '' = $1 and p.orders = named.orders
order by p.created_at, p.id

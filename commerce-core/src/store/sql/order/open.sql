-- Everything an order needs to know about its shop and its buyer, and the reply if it was placed before.
select ask.key as ask, t.currency, t.settings, c.id as customer, c.level, c.tags, a.id as address, a.name as recipient, a.phone,
       a.province, a.city, a.district, a.street, i.request_hash, i.reply,
       case when exists (select 1 from orders o where o.customer = c.id and o.state <> 'CANCELED') then 1 else 0 end as has_ordered
from json_each($2) as ask
cross join tenant t
left join customer c on c.id = ask.value ->> 'customer' and c.tenant || '' = $1
left join address a on a.id = ask.value ->> 'address' and a.customer = c.id
left join idempotency i on i.tenant = $1 and i.scope = ask.value ->> 'scope' and i.key = ask.value ->> 'key'
where t.id = $1

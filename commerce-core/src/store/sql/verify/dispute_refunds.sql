-- What a dispute has cost or has set aside, against the refund it is.
select d.id as subject, case when d.state = 'LOST' then d.amount when d.state = 'WON' then 0 else -d.amount end as found,
       case when r.state = 'REFUNDED' then r.amount when r.state = 'REFUND_FAILED' then 0 else -r.amount end as expected
from dispute d
join refund r on r.id = d.refund
where d.tenant = $1
  and case when d.state = 'LOST' then d.amount when d.state = 'WON' then 0 else -d.amount end
   <> case when r.state = 'REFUNDED' then r.amount when r.state = 'REFUND_FAILED' then 0 else -r.amount end
limit 1

-- What a payment says is on its way back and has arrived, against its refunds.
select p.id as subject, case when p.refunding <> coalesce(r.refunding, 0) then p.refunding else p.refunded end as found,
       case when p.refunding <> coalesce(r.refunding, 0) then coalesce(r.refunding, 0) else coalesce(r.refunded, 0) end as expected
from payment p
left join (select payment, cast(sum(case when state = 'REFUNDED' then 0 else amount end) as bigint) as refunding,
                  cast(sum(case when state = 'REFUNDED' then amount else 0 end) as bigint) as refunded
           from refund where state <> 'REFUND_FAILED' group by payment) r on r.payment = p.id
where p.tenant = $1 and (p.refunding <> coalesce(r.refunding, 0) or p.refunded <> coalesce(r.refunded, 0))
limit 1

-- What of a payment no order has earned: what came in, less what was earned, less what goes back or went back from there.
select p.id as subject, p.deposited as found,
       case when p.state in ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED') then p.amount else 0 end
           - coalesce(e.earned, 0) - coalesce(r.back, 0) as expected
from payment p
left join (select subject, cast(sum(amount) as bigint) as earned from ledger_transfer
           where tenant = $1 and purpose = 'earn' group by subject) e on e.subject = p.id
left join (select payment, cast(sum(amount) as bigint) as back from refund
           where source = 'deposits' and state <> 'REFUND_FAILED' group by payment) r on r.payment = p.id
where p.tenant = $1
  and p.deposited <> case when p.state in ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED') then p.amount else 0 end
           - coalesce(e.earned, 0) - coalesce(r.back, 0)
limit 1

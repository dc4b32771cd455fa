-- Money booked for a payment or refund that there is not.
select t.id as subject, t.amount as found, cast(0 as bigint) as expected
from ledger_transfer t
left join payment p on p.id = t.subject
left join refund r on r.id = t.subject
where t.tenant = $1 and t.purpose in ('capture', 'authorise', 'earn', 'fee', 'refund', 'fee-returned')
  and p.id is null and r.id is null
limit 1

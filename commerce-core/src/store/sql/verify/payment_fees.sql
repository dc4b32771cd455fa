-- The fee of a payment and what of it came back, against what was booked as such.
select p.id as subject, p.fee - p.fee_returned as found, coalesce(f.booked, 0) - coalesce(b.booked, 0) as expected
from payment p
left join (select subject, cast(sum(amount) as bigint) as booked from ledger_transfer
           where tenant = $1 and purpose = 'fee' group by subject) f on f.subject = p.id
left join (select r.payment, cast(sum(t.amount) as bigint) as booked
           from ledger_transfer t join refund r on r.id = t.subject
           where t.tenant = $1 and t.purpose = 'fee-returned' group by r.payment) b on b.payment = p.id
where p.tenant = $1 and p.fee - p.fee_returned <> coalesce(f.booked, 0) - coalesce(b.booked, 0)
limit 1

-- A refund is booked for good exactly when it has arrived.
select r.id as subject, case when r.state = 'REFUNDED' then r.amount else 0 end as found, coalesce(t.booked, 0) as expected
from refund r
left join (select subject, cast(sum(amount) as bigint) as booked from ledger_transfer
           where tenant = $1 and purpose = 'refund' and phase in ('SINGLE', 'POST') group by subject) t on t.subject = r.id
where r.tenant = $1 and case when r.state = 'REFUNDED' then r.amount else 0 end <> coalesce(t.booked, 0)
limit 1

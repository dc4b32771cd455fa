-- What a payment brought in, against what was booked as captured for it.
select p.id as subject, case when p.state in ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED') then p.amount else 0 end as found,
       coalesce(t.booked, 0) as expected
from payment p
left join (select subject, cast(sum(amount) as bigint) as booked from ledger_transfer
           where tenant = $1 and ((purpose = 'capture' and phase = 'SINGLE') or (purpose = 'authorise' and phase = 'POST'))
           group by subject) t on t.subject = p.id
where p.tenant = $1
  and case when p.state in ('PAID', 'PARTIALLY_REFUNDED', 'REFUNDED') then p.amount else 0 end <> coalesce(t.booked, 0)
limit 1

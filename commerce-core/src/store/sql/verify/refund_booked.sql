-- What a refund brought back or has set aside, against the books.
select r.id as subject, case when r.state = 'REFUND_FAILED' then 0 else r.amount end as found,
       coalesce(t.booked, 0) as expected
from refund r
left join (select t.subject, cast(sum(case when t.phase in ('SINGLE', 'POST') then t.amount
                                            when t.phase = 'PENDING' and o.transfer is not null then t.amount
                                            else 0 end) as bigint) as booked
           from ledger_transfer t left join ledger_open o on o.transfer = t.id
           where t.tenant = $1 and t.purpose = 'refund' group by t.subject) t on t.subject = r.id
where r.tenant = $1 and case when r.state = 'REFUND_FAILED' then 0 else r.amount end <> coalesce(t.booked, 0)
limit 1

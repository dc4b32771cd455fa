-- The accounts as they stood at a moment: the sum of what had been booked by then.
select a.id, a.kind, a.owner, a.currency,
       cast(coalesce(sum(case when t.debit = a.id and t.phase = 'PENDING' then t.amount
                              when t.debit = a.id and t.pending <> '' then -t.reserved else 0 end), 0) as bigint) as debits_pending,
       cast(coalesce(sum(case when t.debit = a.id and t.phase in ('SINGLE', 'POST') then t.amount else 0 end), 0) as bigint)
           as debits_posted,
       cast(coalesce(sum(case when t.credit = a.id and t.phase = 'PENDING' then t.amount
                              when t.credit = a.id and t.pending <> '' then -t.reserved else 0 end), 0) as bigint) as credits_pending,
       cast(coalesce(sum(case when t.credit = a.id and t.phase in ('SINGLE', 'POST') then t.amount else 0 end), 0) as bigint)
           as credits_posted
from ledger_account a
left join ledger_transfer t on (t.debit = a.id or t.credit = a.id) and t.at <= $4
where a.tenant = $1 and ($2 = '' or a.kind = $2) and ($3 = '' or a.owner = $3)
group by a.id, a.kind, a.owner, a.currency
order by a.kind, a.owner, a.currency

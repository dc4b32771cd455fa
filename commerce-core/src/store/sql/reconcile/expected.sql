-- What our books say a channel did in a window of time, or is named by its statement: payments by their capture, refunds by
-- their end.
select p.id, 'payment' as kind, p.channel_no, p.currency, p.amount, p.fee, t.at
from ledger_transfer t
join payment p on p.id = t.subject
where t.credit = $3 and t.at >= $4 and t.at < $5 and t.purpose = 'capture' and p.channel = $2 and p.tenant || '' = $1
union
select p.id, 'payment' as kind, p.channel_no, p.currency, p.amount, p.fee, t.at
from json_each($6) as want
cross join payment p
join ledger_transfer t on t.subject = p.id and t.purpose = 'capture'
where p.id = want.value ->> 'no' and p.channel = $2 and p.tenant || '' = $1
union
select r.id, 'refund' as kind, r.channel_no, r.currency, r.amount, -coalesce(f.amount, 0) as fee, t.at
from refund r
join payment p on p.id = r.payment and p.channel = $2
join ledger_transfer t on t.subject = r.id and t.purpose = 'refund' and t.phase in ('POST', 'SINGLE')
left join ledger_transfer f on f.subject = r.id and f.purpose = 'fee-returned'
where r.tenant = $1 and r.state = 'REFUNDED'
  and ((t.at >= $4 and t.at < $5) or r.id in (select value ->> 'no' from json_each($6)))

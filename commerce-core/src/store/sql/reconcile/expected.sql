-- What our books say a channel did in a window of time, and what its rows name, whenever it was: payments by their capture,
-- refunds by their end.
with want(id) as (
    select subject from ledger_transfer where credit = $3 and at >= $5 and at < $6 and purpose = 'capture'
    union
    select subject from ledger_transfer where credit = $4 and at >= $5 and at < $6 and purpose = 'refund' and phase in ('POST', 'SINGLE')
    union
    select named.value ->> 'our_no' from json_each($7) as named
    union
    select p.id from json_each($7) as named
    cross join payment p
    where p.tenant = $1 and p.channel = $2 and p.channel_no <> '' and p.channel_no = named.value ->> 'channel_no'
    union
    select r.id from json_each($7) as named
    cross join refund r
    where r.tenant = $1 and r.channel_no <> '' and r.channel_no = named.value ->> 'channel_no'
)
select p.id, 'payment' as kind, p.channel_no, p.currency, p.amount, p.fee, t.at
from want
cross join payment p
join ledger_transfer t on t.subject = p.id and t.purpose = 'capture'
where p.id = want.id and p.channel = $2 and p.tenant || '' = $1
union all
select r.id, 'refund' as kind, r.channel_no, r.currency, r.amount, -coalesce(f.amount, 0) as fee, t.at
from want
cross join refund r
join payment p on p.id = r.payment and p.channel = $2
join ledger_transfer t on t.subject = r.id and t.purpose = 'refund' and t.phase in ('POST', 'SINGLE')
left join ledger_transfer f on f.subject = r.id and f.purpose = 'fee-returned'
where r.id = want.id and r.tenant || '' = $1 and r.state = 'REFUNDED'

select t.id, t.phase, t.currency, t.amount, t.purpose, t.subject, t.at, t.debit, o.kind as other_kind, o.owner as other_owner
from ledger_transfer t
join ledger_account o on o.id = case when t.debit = $2 then t.credit else t.debit end
where t.tenant = $1 and (t.debit = $2 or t.credit = $2) and t.at >= $3 and t.at < $4
order by t.at, t.id
limit $5

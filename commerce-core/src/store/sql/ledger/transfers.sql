select t.id, t.phase, t.currency, t.amount, t.purpose, t.subject, t.pending, t.reserved, t.expires_at, t.at,
       d.kind as debit_kind, d.owner as debit_owner, c.kind as credit_kind, c.owner as credit_owner
from json_each($2) as want
cross join ledger_transfer t
join ledger_account d on d.id = t.debit
join ledger_account c on c.id = t.credit
where t.id = want.value ->> 'id' and t.tenant || '' = $1

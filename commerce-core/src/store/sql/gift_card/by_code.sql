select g.id, g.tail, g.currency, g.amount, g.expires_at,
       coalesce(a.credits_posted - a.debits_posted - a.debits_pending, 0) as available
from gift_card g
left join ledger_account a on a.tenant = g.tenant and a.kind = 'gift_card' and a.owner = g.id and a.currency = g.currency
where g.tenant = $1 and g.code_hash = $2

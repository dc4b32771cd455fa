select id, kind, owner, currency, debits_pending, debits_posted, credits_pending, credits_posted
from ledger_account
where tenant = $1 and ($2 = '' or kind = $2) and ($3 = '' or owner = $3)
order by kind, owner, currency

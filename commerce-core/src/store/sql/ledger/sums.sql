select a.id, a.debits_pending, a.debits_posted, a.credits_pending, a.credits_posted
from json_each($2) as want
cross join ledger_account a
where a.id = want.value ->> 'id' and a.tenant || '' = $1

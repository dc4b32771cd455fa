select id, kind, owner, currency, max_side, digest, debits_pending, debits_posted, credits_pending, credits_posted
from ledger_account where tenant = $1 order by id

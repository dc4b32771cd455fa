-- The one statement that changes balances. An account that would pass its limit is left alone and not returned.
update ledger_account
set debits_pending = ledger_account.debits_pending + r.column3, debits_posted = ledger_account.debits_posted + r.column4,
    credits_pending = ledger_account.credits_pending + r.column5, credits_posted = ledger_account.credits_posted + r.column6
from (values (cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as bigint), cast($5 as bigint),
              cast($6 as bigint))) as r
where ledger_account.id = r.column1 and ledger_account.tenant || '' = r.column2
  and (ledger_account.max_side <> 'debits'
       or ledger_account.debits_pending + r.column3 + ledger_account.debits_posted + r.column4
          <= ledger_account.credits_posted + r.column6)
  and (ledger_account.max_side <> 'credits'
       or ledger_account.credits_pending + r.column5 + ledger_account.credits_posted + r.column6
          <= ledger_account.debits_posted + r.column4)
returning ledger_account.id

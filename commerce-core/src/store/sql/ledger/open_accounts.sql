insert into ledger_account (id, tenant, kind, owner, currency, max_side, digest, debits_pending, debits_posted, credits_pending,
                            credits_posted)
select column1, column2, column3, column4, column5, column6, column7, 0, 0, 0, 0
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text), cast($6 as text),
              cast($7 as text))) as r
where column1 is not null
on conflict do nothing

insert into ledger_leaf (tenant, position, entry, digest)
select *
from (values (cast($1 as text), cast($2 as bigint), cast($3 as text), cast($4 as text))) as r
where column1 is not null
on conflict do nothing

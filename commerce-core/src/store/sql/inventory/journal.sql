insert into inventory_tx (id, tenant, stock, kind, owner, line, on_hand, reserved, at)
select *
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text),
              cast($6 as text), cast($7 as bigint), cast($8 as bigint), cast($9 as bigint))) as r
where column1 is not null

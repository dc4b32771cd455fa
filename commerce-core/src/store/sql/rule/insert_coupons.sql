insert into coupon (id, tenant, code, rule_id, customer, state, orders, created_at, used_at)
select column1, column2, column3, column4, column5, 'UNUSED', '', column6, 0
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text),
              cast($6 as bigint))) as r
where column1 is not null

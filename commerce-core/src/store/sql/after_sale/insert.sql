insert into after_sale (id, tenant, orders, line, kind, qty, exchange_to, reason, note, status, currency, refund_amount, resolution,
                        applied_at, processed_at, due_at, version)
select *
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text), cast($6 as bigint),
              cast($7 as text), cast($8 as text), cast($9 as text), cast($10 as text), cast($11 as text), cast($12 as bigint),
              cast($13 as text), cast($14 as bigint), cast($15 as bigint), cast($16 as bigint), cast($17 as bigint))) as r
where column1 is not null

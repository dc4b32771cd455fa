insert into refund (id, tenant, orders, payment, state, currency, amount, source, reason, after_sale, asked_by, channel_no, failure, check_at,
                    checks, version, created_at, updated_at)
select *
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text), cast($6 as text),
              cast($7 as bigint), cast($8 as text), cast($9 as text), cast($10 as text), cast($11 as text), cast($12 as text),
              cast($13 as text), cast($14 as bigint), cast($15 as bigint), cast($16 as bigint), cast($17 as bigint),
              cast($18 as bigint))) as r
where column1 is not null

insert into payment (id, tenant, orders, channel, card, state, currency, amount, refunding, refunded, deposited, fee, fee_returned,
                     channel_no, pay_url, failure, expires_at, check_at, checks, version, created_at, updated_at)
select *
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text), cast($6 as text),
              cast($7 as text), cast($8 as bigint), cast($9 as bigint), cast($10 as bigint), cast($11 as bigint),
              cast($12 as bigint), cast($13 as bigint), cast($14 as text), cast($15 as text), cast($16 as text),
              cast($17 as bigint), cast($18 as bigint), cast($19 as bigint), cast($20 as bigint), cast($21 as bigint),
              cast($22 as bigint))) as r
where column1 is not null

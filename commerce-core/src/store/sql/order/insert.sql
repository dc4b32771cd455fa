insert into orders (id, tenant, order_no, customer, channel, state, hold, hold_until, pay_until, currency, goods, discount, freight,
                    tax, total, paid, returned, weight_g, recipient, phone, province, city, district, street, invoice, remark,
                    metadata, cancel_reason, version, created_at, updated_at, discounts)
select *
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text),
              cast($6 as text), cast($7 as text), cast($8 as bigint), cast($9 as bigint), cast($10 as text),
              cast($11 as bigint), cast($12 as bigint), cast($13 as bigint), cast($14 as bigint),
              cast($15 as bigint), cast($16 as bigint), cast($17 as bigint), cast($18 as bigint), cast($19 as text),
              cast($20 as text), cast($21 as text), cast($22 as text), cast($23 as text), cast($24 as text),
              cast($25 as text), cast($26 as text), cast($27 as text), cast($28 as text), cast($29 as bigint),
              cast($30 as bigint), cast($31 as bigint), cast($32 as text))) as r
where column1 is not null

insert into order_line (id, orders, tenant, position, sku, product, kind, sku_code, title, options, qty, unit_price, price_rule, amount,
                        tax, weight_g, activity, batch, discount, returned_qty)
select *
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as bigint), cast($5 as text),
              cast($6 as text), cast($7 as text), cast($8 as text), cast($9 as text), cast($10 as text),
              cast($11 as bigint), cast($12 as bigint), cast($13 as text), cast($14 as bigint), cast($15 as bigint),
              cast($16 as bigint), cast($17 as text), cast($18 as text), cast($19 as bigint), cast($20 as bigint))) as r
where column1 is not null

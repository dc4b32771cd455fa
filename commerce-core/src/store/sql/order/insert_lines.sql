insert into order_line (id, orders, tenant, position, sku, product, kind, sku_code, title, options, qty, unit_price, price_rule, amount,
                        tax, weight_g, activity, batch)
select value ->> 'id', value ->> 'order', $1, cast(value ->> 'position' as bigint), value ->> 'sku', value ->> 'product',
       value ->> 'kind', value ->> 'sku_code', value ->> 'title', value ->> 'options', cast(value ->> 'qty' as bigint),
       cast(value ->> 'unit_price' as bigint), value ->> 'price_rule', cast(value ->> 'amount' as bigint),
       cast(value ->> 'tax' as bigint), cast(value ->> 'weight_g' as bigint), value ->> 'activity', value ->> 'batch'
from json_each($2)

select l.id, l.orders, l.position, l.sku, l.product, l.kind, l.sku_code, l.title, l.options, l.qty, l.unit_price, l.price_rule,
       l.amount, l.tax, l.weight_g, l.activity, l.batch, l.discount, l.returned_qty, o.currency
from json_each($2) as want
cross join orders o
cross join order_line l
where o.id = want.value ->> 'id' and l.orders = o.id and l.tenant || '' = $1
order by l.orders, l.position

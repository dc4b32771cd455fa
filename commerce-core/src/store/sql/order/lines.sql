select l.id, l.orders, l.position, l.sku, l.product, l.kind, l.sku_code, l.title, l.options, l.qty, l.unit_price, l.price_rule,
       l.amount, l.tax, l.weight_g, l.activity, l.batch, o.currency
from json_each($2) as want
join orders o on o.id = want.value ->> 'id'
join order_line l on l.orders = o.id
where l.tenant = $1
order by l.orders, l.position

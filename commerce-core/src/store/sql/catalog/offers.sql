-- What is for sale, with the prices that are valid now: one row for each SKU and price.
select s.id as sku, s.product, s.code as sku_code, s.options, s.weight_g, s.list_price, s.floor_price, p.kind, p.title,
       p.code as product_code, p.category,
       case when p.status = 'active' and s.status = 'active' then 1 else 0 end as is_on_sale,
       x.id as price, x.kind as price_kind, x.selector, x.amount, x.valid_from, x.valid_to
from json_each($2) as want
cross join sku s
cross join product p
left join price x on x.sku = s.id and x.valid_from <= $3 and x.valid_to > $3
where s.id = want.value ->> 'sku' and s.tenant || '' = $1 and p.id = s.product

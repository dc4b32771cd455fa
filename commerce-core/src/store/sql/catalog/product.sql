-- By id or by code.
select p.id as product, p.code as product_code, p.kind, p.title, p.title_en, p.category, p.status, p.description, p.description_en,
       p.attributes, p.media, s.id as sku, s.code as sku_code, s.options, s.barcode, s.weight_g, s.pack_size, s.list_price,
       s.cost, s.floor_price, s.low_stock
from product p join sku s on s.product = p.id
where p.tenant = $1 and (p.id = $2 or p.code = $2)
order by s.code

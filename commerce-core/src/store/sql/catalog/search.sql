-- By code; every filter is off when it is '' or '[]'. A page of products first, then their SKUs.
select p.id as product, p.code as product_code, p.kind, p.title, p.title_en, p.category, p.status, p.description, p.description_en,
       p.attributes, p.media, s.id as sku, s.code as sku_code, s.options, s.barcode, s.weight_g, s.pack_size, s.list_price,
       s.cost, s.floor_price, s.low_stock
from (select * from product q
      where q.tenant = $1
        and ($2 = '' or q.status = $2)
        and ($3 = '[]' or q.category in (select c.value ->> 'code' from json_each($3) as c))
        and ($4 = '' or q.title like $5 escape '\' or lower(q.title_en) like $5 escape '\' or lower(q.code) = $4
             or exists (select 1 from sku k where k.product = q.id and (lower(k.code) = $4 or k.barcode = $4)))
        and q.code > $6
      order by q.code limit $7) as p
join sku s on s.product = p.id
order by p.code, s.code

select s.id, s.code, s.product, s.list_price, s.floor_price, p.code as product_code
from sku s join product p on p.id = s.product
where s.tenant = $1 and s.code in (select value ->> 'code' from json_each($2))

delete from sku_part where tenant = $1 and bundle in (select value ->> 'id' from json_each($2))

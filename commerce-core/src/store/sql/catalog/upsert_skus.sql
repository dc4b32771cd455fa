insert into sku (id, tenant, product, code, options, barcode, weight_g, pack_size, list_price, cost, floor_price, low_stock, status)
select value ->> 'id', $1, value ->> 'product', value ->> 'code', value ->> 'options', value ->> 'barcode',
       cast(value ->> 'weight_g' as bigint), cast(value ->> 'pack_size' as bigint), cast(value ->> 'list_price' as bigint),
       cast(value ->> 'cost' as bigint), cast(value ->> 'floor_price' as bigint), cast(value ->> 'low_stock' as bigint), 'active'
from json_each($2) where true
on conflict (id) do update set options = excluded.options, barcode = excluded.barcode, weight_g = excluded.weight_g,
    pack_size = excluded.pack_size, list_price = excluded.list_price, cost = excluded.cost,
    floor_price = excluded.floor_price, low_stock = excluded.low_stock
where sku.tenant = excluded.tenant

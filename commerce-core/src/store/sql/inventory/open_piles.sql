insert into stock (id, tenant, sku, warehouse, batch, on_hand, reserved, received_at)
select value ->> 'id', $1, value ->> 'sku', value ->> 'warehouse', value ->> 'batch', 0, 0, $3
from json_each($2) where true
on conflict (sku, warehouse, batch) do nothing

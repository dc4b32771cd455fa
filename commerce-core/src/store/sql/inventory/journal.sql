insert into inventory_tx (id, tenant, stock, kind, owner, line, on_hand, reserved, at)
select value ->> 'id', $1, value ->> 'stock', value ->> 'kind', value ->> 'owner', value ->> 'line',
       cast(value ->> 'on_hand' as bigint), cast(value ->> 'reserved' as bigint), $3
from json_each($2)

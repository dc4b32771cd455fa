insert into parcel_item (parcel, tenant, orders, line, stock, qty)
select value ->> 'parcel', $1, value ->> 'order', value ->> 'line', value ->> 'stock', cast(value ->> 'qty' as bigint)
from json_each($2)

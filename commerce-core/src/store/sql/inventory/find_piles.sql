select t.id, t.sku, t.warehouse, t.batch, t.on_hand, t.reserved
from json_each($2) as want
cross join stock t
where t.sku = want.value ->> 'sku' and t.warehouse = want.value ->> 'warehouse' and t.batch = want.value ->> 'batch'
  and t.tenant || '' = $1

select s.code as sku_code, w.code as warehouse_code, coalesce(b.code, '') as batch_code, t.on_hand, t.reserved, t.id as stock, t.sku
from stock t join sku s on s.id = t.sku join warehouse w on w.id = t.warehouse left join batch b on b.id = t.batch
where t.tenant = $1 and ($2 = '' or t.sku = $2)
order by s.code, w.code, coalesce(b.code, '')

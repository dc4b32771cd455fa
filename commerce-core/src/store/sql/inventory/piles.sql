-- Every pile that the wanted SKUs, or the parts of wanted bundles, can be taken from, with what activities have set aside.
select want.value ->> 'sku' as wanted, part.part, part.qty as part_qty, t.id as stock, t.sku, t.warehouse, w.rank, t.batch,
       b.best_before, t.received_at, t.on_hand - t.reserved as free, m.activity, m.remaining
from json_each($2) as want
left join sku_part part on part.bundle = want.value ->> 'sku'
left join stock t on t.sku = coalesce(part.part, want.value ->> 'sku') and t.tenant || '' = $1
left join warehouse w on w.id = t.warehouse
left join batch b on b.id = t.batch
left join allotment m on m.stock = t.id

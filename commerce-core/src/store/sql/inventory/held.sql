-- What these owners still hold, pile by pile; `activity` where it is to go back to an activity that still runs.
select j.owner, j.line, j.stock, t.sku, t.warehouse, t.batch, cast(sum(j.reserved) as bigint) as held, max(b.processing_date) as processing_date,
       max(a.id) as activity
from json_each($2) as o
cross join inventory_tx j
cross join stock t
left join batch b on b.id = t.batch
left join order_line l on l.id = j.line
left join activity a on a.id = l.activity and a.ends_at > $3
where j.owner = o.value ->> 'id' and j.tenant || '' = $1 and t.id = j.stock
group by j.owner, j.line, j.stock, t.sku, t.warehouse, t.batch
having sum(j.reserved) > 0
order by j.owner, j.line, j.stock

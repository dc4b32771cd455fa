-- The parcels of these orders, with everything in them, items of other orders too where they were merged.
select p.id, p.warehouse, p.state, p.carrier, p.tracking_no, i.orders, i.line, i.stock, i.qty
from parcel p join parcel_item i on i.parcel = p.id
where p.tenant = $1 and p.state <> 'CANCELED' and p.id in (
    select mine.parcel from parcel_item mine join json_each($2) as want on mine.orders = want.value ->> 'id')
order by p.id, i.orders, i.line, i.stock

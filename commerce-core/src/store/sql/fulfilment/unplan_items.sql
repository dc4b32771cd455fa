delete from parcel_item
where tenant = $1 and orders = $2
  and exists (select 1 from parcel p where p.id = parcel_item.parcel and p.state = 'PLANNED')

select distinct orders from parcel_item where tenant = $1 and parcel = $2 order by orders

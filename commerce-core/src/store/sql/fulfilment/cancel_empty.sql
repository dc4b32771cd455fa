update parcel set state = 'CANCELED', updated_at = $2
where tenant = $1 and state = 'PLANNED' and not exists (select 1 from parcel_item i where i.parcel = parcel.id)

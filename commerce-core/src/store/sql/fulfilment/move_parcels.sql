update parcel set state = $3, carrier = case when $4 = '' then carrier else $4 end,
    tracking_no = case when $5 = '' then tracking_no else $5 end, updated_at = $6
from json_each($2) as p
where parcel.id = p.value ->> 'id' and parcel.tenant || '' = $1

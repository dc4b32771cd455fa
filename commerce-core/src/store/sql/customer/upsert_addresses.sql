insert into address (id, tenant, customer, name, phone, province, city, district, street, is_default)
select value ->> 'id', $1, value ->> 'customer', value ->> 'name', value ->> 'phone', value ->> 'province', value ->> 'city',
       value ->> 'district', value ->> 'street', cast(value ->> 'is_default' as bigint)
from json_each($2) where true
on conflict (id) do update set name = excluded.name, phone = excluded.phone, province = excluded.province, city = excluded.city,
    district = excluded.district, street = excluded.street, is_default = excluded.is_default
where address.tenant = excluded.tenant and address.customer = excluded.customer

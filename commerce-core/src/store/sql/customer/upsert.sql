insert into customer (id, tenant, code, name, phone, email, level, tags, created_at)
select value ->> 'id', $1, value ->> 'code', value ->> 'name', value ->> 'phone', value ->> 'email', value ->> 'level',
       value ->> 'tags', cast(value ->> 'created_at' as bigint)
from json_each($2) where true
on conflict (id) do update set name = excluded.name, phone = excluded.phone, email = excluded.email, level = excluded.level,
    tags = excluded.tags
where customer.tenant = excluded.tenant

insert into category (id, tenant, code, parent, name, name_en, position)
select value ->> 'id', $1, value ->> 'code', value ->> 'parent', value ->> 'name', value ->> 'name_en',
       cast(value ->> 'position' as bigint)
from json_each($2) where true
on conflict (id) do update set parent = excluded.parent, name = excluded.name, name_en = excluded.name_en,
    position = excluded.position
where category.tenant = excluded.tenant

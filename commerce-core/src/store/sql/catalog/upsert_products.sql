insert into product (id, tenant, code, kind, title, title_en, category, status, description, description_en, attributes,
                     media, version, updated_at)
select value ->> 'id', $1, value ->> 'code', value ->> 'kind', value ->> 'title', value ->> 'title_en', value ->> 'category',
       value ->> 'status', value ->> 'description', value ->> 'description_en', value ->> 'attributes', value ->> 'media', 1, $3
from json_each($2) where true
on conflict (id) do update set kind = excluded.kind, title = excluded.title, title_en = excluded.title_en,
    category = excluded.category, status = excluded.status, description = excluded.description,
    description_en = excluded.description_en, attributes = excluded.attributes, media = excluded.media,
    version = product.version + 1, updated_at = excluded.updated_at
where product.tenant = excluded.tenant
returning id, version

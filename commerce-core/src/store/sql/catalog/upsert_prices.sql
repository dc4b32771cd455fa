insert into price (id, tenant, sku, kind, selector, amount, valid_from, valid_to)
select value ->> 'id', $1, value ->> 'sku', value ->> 'kind', value ->> 'selector', cast(value ->> 'amount' as bigint),
       cast(value ->> 'valid_from' as bigint), cast(value ->> 'valid_to' as bigint)
from json_each($2) where true
on conflict (sku, kind, selector, valid_from) do update set amount = excluded.amount, valid_to = excluded.valid_to
where price.tenant = excluded.tenant

insert into sku_part (bundle, part, tenant, qty)
select value ->> 'bundle', value ->> 'part', $1, cast(value ->> 'qty' as bigint) from json_each($2)

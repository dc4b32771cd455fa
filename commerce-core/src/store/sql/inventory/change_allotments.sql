insert into allotment (activity, stock, tenant, remaining)
select value ->> 'activity', value ->> 'stock', $1, cast(value ->> 'qty' as bigint) from json_each($2) where true
on conflict (activity, stock) do update set remaining = allotment.remaining + excluded.remaining

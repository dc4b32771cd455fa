insert into warehouse (id, tenant, code, name, region, rank)
values ($1, $2, $3, $4, $5, $6)
on conflict (id) do update set name = excluded.name, region = excluded.region, rank = excluded.rank
where warehouse.tenant = excluded.tenant

insert into activity (id, tenant, code, name, starts_at, ends_at)
values ($1, $2, $3, $4, $5, $6)
on conflict (id) do update set name = excluded.name, starts_at = excluded.starts_at, ends_at = excluded.ends_at
where activity.tenant = excluded.tenant

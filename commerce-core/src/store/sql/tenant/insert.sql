insert into tenant (id, code, name, currency, settings, created_at)
values ($1, $2, $3, $4, $5, $6)
on conflict (code) do nothing

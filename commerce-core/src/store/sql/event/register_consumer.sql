insert into consumer (name, position) values ($1, 0) on conflict (name) do nothing

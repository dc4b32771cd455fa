insert into order_number (tenant, day, last) values ($1, $2, $3)
on conflict (tenant, day) do update set last = order_number.last + excluded.last
returning last

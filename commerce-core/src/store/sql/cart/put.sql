insert into cart_line (tenant, customer, sku, activity, qty, added_at)
select $1, $2, s.id, $4, $5, $6 from sku s where s.id = $3 and s.tenant = $1
on conflict (customer, sku, activity) do update set qty = excluded.qty

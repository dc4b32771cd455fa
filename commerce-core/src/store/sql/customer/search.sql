select id, code, name, phone, email, level, tags, created_at from customer
where tenant = $1 and (phone = $2 or code = $2 or name like $3 escape '\' or phone like $4 escape '\')
order by code limit 50

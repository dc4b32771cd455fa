-- The oldest, where a merchant imported one person twice.
select id, code, name, phone, email, level, tags, created_at
from customer where tenant = $1 and phone = $2
order by created_at, id limit 1

select id, code, name, phone, email, level, tags, created_at from customer where tenant = $1 and id = $2

select id, code, name, starts_at, ends_at from activity where tenant = $1 order by starts_at, code

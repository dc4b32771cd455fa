select distinct cast(t.relname as text) as "table", cast(r.relname as text) as refers_to
from pg_constraint f
join pg_class t on t.oid = f.conrelid
join pg_class r on r.oid = f.confrelid
join pg_namespace n on n.oid = t.relnamespace
where f.contype = 'f' and n.nspname = current_schema()

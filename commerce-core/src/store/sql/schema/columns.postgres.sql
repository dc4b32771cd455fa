-- What the database numbers by itself is no column of ours.
select cast(t.relname as text) as "table", cast(a.attname as text) as "column",
       format_type(a.atttypid, a.atttypmod) as kind,
       coalesce((select k.place from unnest(i.indkey) with ordinality as k (attnum, place) where k.attnum = a.attnum), 0)
           as key_place
from pg_class t
join pg_namespace n on n.oid = t.relnamespace
join pg_attribute a on a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attidentity = ''
left join pg_index i on i.indrelid = t.oid and i.indisprimary
where t.relkind = 'r' and n.nspname = current_schema() and t.relname <> '_sqlx_migrations'
order by t.relname, a.attnum

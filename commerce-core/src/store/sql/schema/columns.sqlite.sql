select t.name as "table", c.name as "column", lower(c.type) as kind, c.pk as key_place
from sqlite_master t join pragma_table_info(t.name) c
where t.type = 'table' and t.name not like 'sqlite\_%' escape '\' and t.name <> '_sqlx_migrations'
order by t.name, c.cid

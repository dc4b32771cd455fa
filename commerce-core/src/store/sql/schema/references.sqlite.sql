select distinct t.name as "table", f."table" as refers_to
from sqlite_master t join pragma_foreign_key_list(t.name) f
where t.type = 'table'

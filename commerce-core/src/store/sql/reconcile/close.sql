-- Closes what statements have settled. Who changed a ticket meanwhile has looked at it: it is left alone and not returned.
update difference set status = 'RESOLVED', resolution = r.column4, version = r.column3 + 1, updated_at = r.column5
from (values (cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as text), cast($5 as bigint))) as r
where difference.id = r.column1 and difference.tenant || '' = r.column2 and difference.version = r.column3
returning difference.id

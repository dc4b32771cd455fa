-- Whoever moves `check_at` asks the channel; everybody else finds nothing to do.
update dispute set check_at = r.column4, checks = checks + 1
from (values (cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as bigint))) as r
where dispute.id = r.column1 and dispute.tenant || '' = r.column2 and dispute.check_at = r.column3
returning dispute.id

-- Whoever moves `check_at` sends the refund; everybody else finds nothing to do.
update refund set check_at = r.column4, checks = checks + 1, state = 'REFUND_PROCESSING'
from (values (cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as bigint))) as r
where refund.id = r.column1 and refund.tenant || '' = r.column2 and refund.check_at = r.column3
returning refund.id

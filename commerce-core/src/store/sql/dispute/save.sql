-- Saves disputes that nobody else changed in between: column3 is the version that was read.
update dispute set state = r.column4, answer = r.column5, evidence = r.column6, failure = r.column7, check_at = r.column8,
    checks = r.column9, version = r.column10, updated_at = r.column11
from (values (cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as text), cast($5 as text), cast($6 as text),
              cast($7 as text), cast($8 as bigint), cast($9 as bigint), cast($10 as bigint), cast($11 as bigint))) as r
where dispute.id = r.column1 and dispute.tenant || '' = r.column2 and dispute.version = r.column3

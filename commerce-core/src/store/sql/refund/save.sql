-- Saves refunds that nobody else changed in between: column3 is the version that was read.
update refund set state = r.column4, channel_no = r.column5, failure = r.column6, check_at = r.column7, version = r.column8,
    updated_at = r.column9
from (values (cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as text), cast($5 as text), cast($6 as text),
              cast($7 as bigint), cast($8 as bigint), cast($9 as bigint))) as r
where refund.id = r.column1 and refund.tenant || '' = r.column2 and refund.version = r.column3

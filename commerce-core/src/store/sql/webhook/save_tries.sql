-- Only of those who still have the claim: whoever took too long may have been replaced.
update webhook_delivery set state = r.column4, attempts = r.column5, next_at = r.column6, last_status = r.column7, last_error = r.column8,
    settled_at = r.column9, claim = ''
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as bigint), cast($6 as bigint),
              cast($7 as bigint), cast($8 as text), cast($9 as bigint))) as r
where webhook_delivery.id = r.column1 and webhook_delivery.tenant || '' = r.column2 and webhook_delivery.claim = r.column3

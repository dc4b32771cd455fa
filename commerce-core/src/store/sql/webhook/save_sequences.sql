update webhook_endpoint set sequence = r.column3
from (values (cast($1 as text), cast($2 as text), cast($3 as bigint))) as r
where webhook_endpoint.id = r.column1 and webhook_endpoint.tenant || '' = r.column2

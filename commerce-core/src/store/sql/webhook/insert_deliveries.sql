insert into webhook_delivery (id, tenant, endpoint, event, sequence, state, attempts, queued_at, next_at, claim, last_status, last_error,
                              settled_at)
select column1, column2, column3, column4, column5, 'PENDING', 0, column6, column6, '', 0, '', 0
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as bigint), cast($6 as bigint))) as r
where column1 is not null

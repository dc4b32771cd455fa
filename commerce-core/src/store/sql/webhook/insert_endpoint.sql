-- What was in the log before is not for it. What is committed later gets a later place.
insert into webhook_endpoint (id, tenant, url, events, state, since, sequence, generation, overlap_until, failures, open_until, created_at,
                              updated_at)
select cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text), h.position, 0, cast($6 as bigint),
       0, 0, 0, cast($7 as bigint), cast($7 as bigint)
from event_head h where h.id = 1

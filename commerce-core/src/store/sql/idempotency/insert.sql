insert into idempotency (tenant, scope, key, request_hash, reply, created_at)
select *
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text),
              cast($6 as bigint))) as r
where column1 is not null
on conflict (tenant, scope, key) do nothing

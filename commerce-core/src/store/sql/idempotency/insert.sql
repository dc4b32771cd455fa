insert into idempotency (tenant, scope, key, request_hash, reply, created_at)
select $1, value ->> 'scope', value ->> 'key', value ->> 'request_hash', value ->> 'reply', $3
from json_each($2) where true
on conflict (tenant, scope, key) do nothing
returning key

insert into proposal (id, tenant, kind, orders, reason, plan, state, created_at)
select value ->> 'id', $1, value ->> 'kind', value ->> 'orders', value ->> 'reason', value ->> 'plan', 'OPEN', $3
from json_each($2) where true
on conflict (tenant, kind, orders, reason) do nothing

select id, kind, orders, reason, plan, state, created_at from proposal
where tenant = $1 and ($2 = '' or state = $2) order by created_at, id limit 500

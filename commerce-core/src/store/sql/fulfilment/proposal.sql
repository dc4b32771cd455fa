select id, kind, orders, reason, plan, state, created_at from proposal where tenant = $1 and id = $2

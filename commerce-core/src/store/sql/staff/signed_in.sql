-- The token says who and where: there is no tenant to ask with yet.
select n.tenant, s.id, s.login, s.name, s.role, s.state, s.password, s.factor, s.is_factor_confirmed, s.factor_step, s.failures, s.locked_until, s.version,
       s.created_at
from session n
join staff s on s.id = n.staff and s.tenant = n.tenant
where n.hash = $1 and n.expires_at > $2 and s.state = 'ACTIVE'

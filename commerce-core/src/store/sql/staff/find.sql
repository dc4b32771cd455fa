select s.id, s.login, s.name, s.role, s.state, s.password, s.factor, s.is_factor_confirmed, s.factor_step, s.failures, s.locked_until, s.version,
       s.created_at
from staff s where s.tenant = $1 and s.id = $2

select c.id, c.code, c.name, c.phone, c.email, c.level, c.tags, c.created_at
from shopper_identity i
join customer c on c.id = i.customer and c.tenant = i.tenant
where i.tenant = $1 and i.provider = $2 and i.subject = $3

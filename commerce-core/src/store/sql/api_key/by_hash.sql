-- The key says where: there is no tenant to ask with yet.
select k.tenant, k.id, k.name, k.tail, k.permissions, k.made_by, k.created_at, k.expires_at, k.revoked_at
from api_key k where k.hash = $1 and k.expires_at > $2 and k.revoked_at = 0

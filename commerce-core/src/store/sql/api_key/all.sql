select k.id, k.name, k.tail, k.permissions, k.made_by, k.created_at, k.expires_at, k.revoked_at
from api_key k where k.tenant = $1 order by k.created_at desc, k.id desc

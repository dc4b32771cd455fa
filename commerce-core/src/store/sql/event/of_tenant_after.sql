select position, id, tenant, name, version, subject, subject_version, correlation_id, actor, payload, at
from event where tenant = $1 and position > $2 order by position limit $3

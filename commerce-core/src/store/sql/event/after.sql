select position, id, tenant, name, version, subject, subject_version, correlation_id, actor, payload, at
from event where position > $1 order by position limit $2

select 0 as position, id, tenant, name, version, subject, subject_version, correlation_id, actor, payload, at
from event where tenant = $1 and subject = $2 order by subject_version, rowid

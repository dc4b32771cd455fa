select 0 as position, v.id, v.tenant, v.name, v.version, v.subject, v.subject_version, v.correlation_id, v.actor, v.payload, v.at
from json_each($2) as want
cross join event v
where v.id = want.value ->> 'id' and v.tenant || '' = $1

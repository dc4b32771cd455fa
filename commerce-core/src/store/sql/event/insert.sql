insert into event (id, tenant, name, version, subject, subject_version, correlation_id, payload, at)
select value ->> 'id', $1, value ->> 'name', cast(value ->> 'version' as bigint), value ->> 'subject',
       cast(value ->> 'subject_version' as bigint), value ->> 'correlation_id', value ->> 'payload',
       cast(value ->> 'at' as bigint)
from json_each($2)

-- Newest first; every filter is off when it is ''. $5, $6 are the last row of the page before.
select 0 as position, id, tenant, name, version, subject, subject_version, correlation_id, actor, payload, at
from event
where tenant = $1
  and ($2 = '' or actor = $2)
  and ($3 = '' or name = $3 or name like $3 || '.%')
  and ($4 = '' or subject = $4)
  and (at < $5 or (at = $5 and id < $6))
order by at desc, id desc
limit $7

-- The text of the version before is taken over unread.
insert into rule_version (tenant, rule_id, version, state, body, valid_to, created_at)
select tenant, rule_id, version + 1, 'WITHDRAWN', body, valid_to, $4
from rule_version
where tenant = $1 and rule_id = $2 and version = $3
on conflict do nothing

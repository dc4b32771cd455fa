select id, channel, key, day, reason, kind, currency, expected_amount, actual_amount, ours, theirs, assigned_to, status, resolution, note,
       due_at, version, created_at, updated_at
from difference
where tenant = $1 and ($2 = '' or channel = $2) and ($3 = '' or status = $3) and ($4 = '' or id = $4)
order by due_at, id
limit $5

select id, channel, key, day, reason, kind, currency, expected_amount, expected_fee, actual_currency, actual_amount, actual_fee, ours,
       theirs, assigned_to, status, resolution, note, due_at, version, created_at, updated_at
from difference
where tenant = $1 and ($2 = '' or channel = $2) and ($3 = '' or status = $3)
order by due_at, id
limit $4

-- What a later statement can settle: all that is open, and what was booked because the channel said so.
select id, channel, key, day, reason, kind, currency, expected_amount, expected_fee, actual_currency, actual_amount, actual_fee, ours,
       theirs, assigned_to, status, resolution, note, due_at, version, created_at, updated_at
from difference
where id in (
    select id from difference where tenant = $1 and channel = $2 and status <> 'RESOLVED'
    union all
    select id from difference where tenant = $1 and channel = $2 and resolution = 'book-theirs'
)
order by id

-- Newest event first; every filter is off when it is ''. $4 is the last delivery of the page before.
select d.id, d.endpoint, d.event, v.name as event_name, d.sequence, d.state, d.attempts, d.queued_at, d.next_at, d.last_status, d.last_error,
       d.settled_at
from webhook_delivery d
join event v on v.id = d.event
where d.tenant = $1 and ($2 = '' or d.endpoint = $2) and ($3 = '' or d.state = $3) and ($4 = '' or d.id < $4)
order by d.id desc
limit $5

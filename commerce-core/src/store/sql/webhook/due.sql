-- `tenant || ''` leaves only the index of what is due.
select d.id, d.endpoint, d.event, v.name as event_name, d.sequence, d.state, d.attempts, d.queued_at, d.next_at, d.last_status, d.last_error,
       d.settled_at
from webhook_delivery d
join event v on v.id = d.event
where d.endpoint = $2 and d.state = 'PENDING' and d.next_at <= $3 and d.tenant || '' = $1
order by d.next_at, d.sequence
limit $4

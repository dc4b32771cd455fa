-- What is kept and not worked on, oldest first; all that came in one moment comes together.
select channel, event_id, body, received_at
from inbox
where tenant = $1 and state = 'RECEIVED' and received_at > $2
  and received_at <= (select max(received_at)
                      from (select received_at from inbox where tenant = $1 and state = 'RECEIVED' and received_at > $2
                            order by received_at limit $3) as first)
order by received_at, channel, event_id

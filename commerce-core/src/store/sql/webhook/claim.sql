-- Should whoever claims it never come back, others take it up at $4.
update webhook_delivery set claim = $3, next_at = $4
where id in (select value ->> 'id' from json_each($2)) and tenant || '' = $1 and state = 'PENDING' and next_at <= $5

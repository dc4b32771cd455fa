-- Not while a try of it is under way.
update webhook_delivery set state = 'PENDING', attempts = 0, queued_at = $3, next_at = $3, last_status = 0, last_error = '', settled_at = 0
where id = $2 and claim = '' and tenant || '' = $1
  and exists (select 1 from webhook_endpoint e where e.id = webhook_delivery.endpoint and e.state <> 'REMOVED')

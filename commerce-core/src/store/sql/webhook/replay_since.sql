update webhook_delivery set state = 'PENDING', attempts = 0, queued_at = $4, next_at = $4, last_status = 0, last_error = '', settled_at = 0
where endpoint = $2 and state <> 'PENDING' and tenant || '' = $1
  and exists (select 1 from event v where v.id = webhook_delivery.event and v.at >= $3)

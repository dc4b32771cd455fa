-- Those with something to send that may be sent to. Whoever has them decides alone until its write ends.
update webhook_endpoint set updated_at = updated_at
where tenant = $1 and state = 'ACTIVE' and open_until <= $2
  and exists (select 1 from webhook_delivery d where d.endpoint = webhook_endpoint.id and d.state = 'PENDING' and d.next_at <= $2)
returning id, url, events, state, sequence, generation, overlap_until, failures, open_until, created_at

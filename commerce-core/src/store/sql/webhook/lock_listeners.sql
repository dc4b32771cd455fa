-- Who may have to hear of events of these shops. Whoever has them counts their sequence alone until its write ends.
update webhook_endpoint set updated_at = updated_at
where tenant in (select value ->> 'id' from json_each($1)) and state <> 'REMOVED'
returning tenant, since, id, url, events, state, sequence, generation, overlap_until, failures, open_until, created_at

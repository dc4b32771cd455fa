-- Whoever has it decides alone until its write ends.
update webhook_endpoint set updated_at = updated_at
where tenant = $1 and id = $2 and state <> 'REMOVED'
returning id, url, events, state, sequence, generation, overlap_until, failures, open_until, created_at

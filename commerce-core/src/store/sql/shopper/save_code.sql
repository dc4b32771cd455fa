insert into phone_code (tenant, phone_hash, code_hash, failures, sent_at, sent, counted_from, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (tenant, phone_hash) do update set code_hash = excluded.code_hash, failures = excluded.failures, sent_at = excluded.sent_at,
    sent = excluded.sent, counted_from = excluded.counted_from, expires_at = excluded.expires_at

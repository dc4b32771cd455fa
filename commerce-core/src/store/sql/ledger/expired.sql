select transfer as id from ledger_open where tenant = $1 and expires_at > 0 and expires_at <= $2 order by expires_at limit $3

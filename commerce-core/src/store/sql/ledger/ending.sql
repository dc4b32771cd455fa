select t.id from ledger_transfer t where t.pending = $2 and t.tenant || '' = $1

select transfer from ledger_open where tenant = $1 order by transfer

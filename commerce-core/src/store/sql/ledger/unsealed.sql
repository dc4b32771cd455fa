select entry, digest from ledger_unsealed where tenant = $1 order by entry limit $2

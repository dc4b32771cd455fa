select position from ledger_leaf where entry = $2 and tenant || '' = $1

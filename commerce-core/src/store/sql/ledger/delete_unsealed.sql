delete from ledger_unsealed where entry in (select value ->> 'entry' from json_each($1)) and tenant || '' = $2

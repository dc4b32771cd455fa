select s.id as sku from json_each($2) as want cross join sku s where s.id = want.value ->> 'sku' and s.tenant || '' = $1

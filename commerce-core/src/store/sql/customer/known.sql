select count(*) as known
from json_each($2) as want
cross join customer c
where c.id = want.value ->> 'id' and c.tenant || '' = $1

update event set position = n.place
from (select u.id as unplaced, cast($1 as bigint) + row_number() over (order by u.rowid) as place
      from event u where u.position is null
      order by u.rowid limit $2) as n
where event.id = n.unplaced

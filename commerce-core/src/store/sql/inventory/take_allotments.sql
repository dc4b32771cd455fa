update allotment set remaining = allotment.remaining - want.qty
from (select value ->> 'activity' as event, value ->> 'stock' as pile, cast(value ->> 'qty' as bigint) as qty
      from json_each($2)) as want
where allotment.activity = want.event and allotment.stock = want.pile and allotment.tenant || '' = $1
  and allotment.remaining >= want.qty

-- The one statement that changes stock. A pile that would go below nothing, or be promised beyond what it holds, is left
-- alone and not returned; the caller sees that fewer rows changed than it asked for.
update stock set on_hand = stock.on_hand + want.more_on_hand, reserved = stock.reserved + want.more_reserved
from (select value ->> 'stock' as pile, cast(value ->> 'on_hand' as bigint) as more_on_hand,
             cast(value ->> 'reserved' as bigint) as more_reserved
      from json_each($2)) as want
where stock.id = want.pile and stock.tenant = $1
  and stock.reserved + want.more_reserved >= 0
  and stock.reserved + want.more_reserved <= stock.on_hand + want.more_on_hand
returning id

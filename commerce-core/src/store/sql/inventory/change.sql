-- The one statement that changes stock. A pile that would go below nothing, or be promised beyond what it holds, is left
-- alone and not returned; the caller sees that fewer rows changed than it asked for.
update stock set on_hand = stock.on_hand + r.column3, reserved = stock.reserved + r.column4
from (values (cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as bigint))) as r
where stock.id = r.column1 and stock.tenant || '' = r.column2
  and stock.reserved + r.column4 >= 0
  and stock.reserved + r.column4 <= stock.on_hand + r.column3

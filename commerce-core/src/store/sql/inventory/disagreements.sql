-- Piles whose numbers are not what their journal says. Must be empty.
select t.id, t.on_hand, t.reserved, coalesce(j.on_hand, 0) as journal_on_hand, coalesce(j.reserved, 0) as journal_reserved
from stock t
left join (select stock, cast(sum(on_hand) as bigint) as on_hand, cast(sum(reserved) as bigint) as reserved
           from inventory_tx where tenant = $1 group by stock) as j on j.stock = t.id
where t.tenant = $1 and (t.on_hand <> coalesce(j.on_hand, 0) or t.reserved <> coalesce(j.reserved, 0))

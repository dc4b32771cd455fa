-- What left for one line of an order, pile by pile.
select j.stock, t.sku, cast(-sum(j.on_hand) as bigint) as qty
from inventory_tx j
join stock t on t.id = j.stock
where j.owner = $2 and j.line = $3 and j.kind = 'ship' and j.tenant || '' = $1
group by j.stock, t.sku
order by t.sku, j.stock

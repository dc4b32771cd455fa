select id, stock, kind, owner, line, on_hand, reserved, at from inventory_tx
where tenant = $1 and stock = $2 order by at, id

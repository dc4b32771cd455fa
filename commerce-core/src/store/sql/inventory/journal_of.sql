select id, stock, kind, owner, line, on_hand, reserved, at from inventory_tx
where tenant = $1 and stock = $2 and on_hand <> 0 order by at, id

update sku set is_low = 0
where tenant = $1 and is_low = 1
  and (select coalesce(sum(t.on_hand - t.reserved), 0) from stock t where t.sku = sku.id) >= low_stock

-- SKUs whose available stock fell below their mark since the shop was last told.
update sku set is_low = 1
where tenant = $1 and is_low = 0 and low_stock > 0
  and exists (select 1 from stock t where t.sku = sku.id)
  and (select sum(t.on_hand - t.reserved) from stock t where t.sku = sku.id) < low_stock
returning id, code, low_stock

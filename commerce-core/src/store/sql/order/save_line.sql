update order_line set sku = l.value ->> 'sku', sku_code = l.value ->> 'sku_code', title = l.value ->> 'title',
    options = l.value ->> 'options', unit_price = cast(l.value ->> 'unit_price' as bigint), price_rule = l.value ->> 'price_rule',
    amount = cast(l.value ->> 'amount' as bigint), tax = cast(l.value ->> 'tax' as bigint),
    weight_g = cast(l.value ->> 'weight_g' as bigint), activity = l.value ->> 'activity', batch = l.value ->> 'batch',
    discount = cast(l.value ->> 'discount' as bigint), returned_qty = cast(l.value ->> 'returned_qty' as bigint)
from json_each($2) as l
where order_line.id = l.value ->> 'id' and order_line.tenant || '' = $1

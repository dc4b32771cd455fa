-- Saves orders that nobody else changed in between: `was` is the version that was read.
update orders set state = o.value ->> 'state', hold = o.value ->> 'hold', hold_until = cast(o.value ->> 'hold_until' as bigint),
    goods = cast(o.value ->> 'goods' as bigint), discount = cast(o.value ->> 'discount' as bigint),
    freight = cast(o.value ->> 'freight' as bigint), tax = cast(o.value ->> 'tax' as bigint),
    total = cast(o.value ->> 'total' as bigint), unsettled = cast(o.value ->> 'unsettled' as bigint),
    weight_g = cast(o.value ->> 'weight_g' as bigint), recipient = o.value ->> 'recipient', phone = o.value ->> 'phone',
    province = o.value ->> 'province', city = o.value ->> 'city', district = o.value ->> 'district', street = o.value ->> 'street',
    invoice = o.value ->> 'invoice', cancel_reason = o.value ->> 'cancel_reason',
    version = cast(o.value ->> 'version' as bigint), updated_at = cast(o.value ->> 'updated_at' as bigint)
from json_each($2) as o
where orders.id = o.value ->> 'id' and orders.tenant = $1 and orders.version = cast(o.value ->> 'was' as bigint)
returning id

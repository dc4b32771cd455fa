insert into orders (id, tenant, order_no, customer, channel, state, hold, hold_until, pay_until, currency, goods, discount, freight,
                    tax, total, unsettled, weight_g, recipient, phone, province, city, district, street, invoice, remark,
                    metadata, cancel_reason, version, created_at, updated_at)
select value ->> 'id', $1, value ->> 'order_no', value ->> 'customer', value ->> 'channel', value ->> 'state', value ->> 'hold',
       cast(value ->> 'hold_until' as bigint), cast(value ->> 'pay_until' as bigint), value ->> 'currency',
       cast(value ->> 'goods' as bigint), cast(value ->> 'discount' as bigint), cast(value ->> 'freight' as bigint),
       cast(value ->> 'tax' as bigint), cast(value ->> 'total' as bigint), cast(value ->> 'unsettled' as bigint),
       cast(value ->> 'weight_g' as bigint), value ->> 'recipient', value ->> 'phone', value ->> 'province', value ->> 'city',
       value ->> 'district', value ->> 'street', value ->> 'invoice', value ->> 'remark', value ->> 'metadata',
       value ->> 'cancel_reason', cast(value ->> 'version' as bigint), cast(value ->> 'created_at' as bigint),
       cast(value ->> 'updated_at' as bigint)
from json_each($2)

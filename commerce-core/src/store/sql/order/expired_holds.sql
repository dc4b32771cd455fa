select o.id, o.order_no, o.customer, o.channel, o.state, o.hold, o.hold_until, o.pay_until, o.currency, o.goods, o.discount, o.freight,
       o.tax, o.total, o.paid, o.returned, o.discounts, o.weight_g, o.recipient, o.phone, o.province, o.city, o.district, o.street, o.invoice, o.remark,
       o.metadata, o.cancel_reason, o.version, o.created_at, o.updated_at
from orders o
where o.tenant = $1 and o.hold = 'HELD' and o.hold_until <= $2
order by o.hold_until limit $3

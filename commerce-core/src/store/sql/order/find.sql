-- $3 is the shopper who asks, or '' for the shop itself.
select o.id, o.order_no, o.customer, o.channel, o.state, o.hold, o.hold_until, o.pay_until, o.currency, o.goods, o.discount, o.freight,
       o.tax, o.total, o.paid, o.returned, o.discounts, o.weight_g, o.recipient, o.phone, o.province, o.city, o.district, o.street, o.invoice, o.remark,
       o.metadata, o.cancel_reason, o.version, o.created_at, o.updated_at
from json_each($2) as want
cross join orders o
where o.id = want.value ->> 'id' and o.tenant || '' = $1 and ($3 = '' or o.customer = $3)

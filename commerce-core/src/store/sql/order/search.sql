-- Newest first; every filter is off when it is ''. $10, $11 are the last row of the page before.
select o.id, o.order_no, o.customer, o.channel, o.state, o.hold, o.hold_until, o.pay_until, o.currency, o.goods, o.discount, o.freight,
       o.tax, o.total, o.paid, o.returned, o.discounts, o.weight_g, o.recipient, o.phone, o.province, o.city, o.district, o.street, o.invoice, o.remark,
       o.metadata, o.cancel_reason, o.version, o.created_at, o.updated_at
from orders o
where o.tenant = $1
  and ($2 = '' or o.customer = $2)
  and ($3 = '' or o.state = $3)
  and ($4 = '' or o.channel = $4)
  and ($5 = '' or o.order_no = $5)
  and ($6 = '' or o.phone like $6 escape '\')
  and ($7 = '' or exists (select 1 from order_line l where l.orders = o.id and (l.sku_code = $7 or l.title like $8 escape '\')))
  and o.created_at >= $9
  and (o.created_at < $10 or (o.created_at = $10 and o.id < $11))
order by o.created_at desc, o.id desc
limit $12

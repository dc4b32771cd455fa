select a.id, a.orders, a.line, a.kind, a.qty, a.exchange_to, a.reason, a.note, a.status, a.currency, a.refund_amount, a.resolution,
       a.applied_at, a.processed_at, a.due_at, a.version
from json_each($2) as want
cross join after_sale a
where a.orders = want.value ->> 'id' and a.tenant || '' = $1
order by a.applied_at, a.id

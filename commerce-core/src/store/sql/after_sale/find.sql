select a.id, a.orders, a.line, a.kind, a.qty, a.exchange_to, a.reason, a.note, a.status, a.currency, a.refund_amount, a.resolution,
       a.applied_at, a.processed_at, a.due_at, a.version
from after_sale a
where a.id = $2 and a.tenant || '' = $1

select d.id, d.orders, d.payment, d.refund, d.channel, d.channel_no, d.state, d.currency, d.amount, d.reason, d.answer, d.evidence, d.failure,
       d.due_at, d.check_at, d.checks, d.version, d.created_at, d.updated_at
from dispute d
where d.orders = $2 and d.tenant || '' = $1
order by d.created_at, d.id

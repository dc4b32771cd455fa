select d.id, d.orders, d.payment, d.refund, d.channel, d.channel_no, d.state, d.currency, d.amount, d.reason, d.answer, d.evidence, d.failure,
       d.due_at, d.check_at, d.checks, d.version, d.created_at, d.updated_at
from dispute d
where d.tenant = $1 and d.check_at > 0 and d.check_at <= $2
order by d.check_at, d.id
limit $3

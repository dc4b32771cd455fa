-- What waits for a second person, oldest first.
select r.id, r.orders, r.payment, r.state, r.currency, r.amount, r.source, r.reason, r.after_sale, r.asked_by, r.channel_no, r.failure, r.check_at, r.checks,
       r.version, r.created_at, r.updated_at
from refund r
where r.tenant = $1 and r.state = 'REFUND_REQUESTED'
order by r.created_at, r.id
limit $2

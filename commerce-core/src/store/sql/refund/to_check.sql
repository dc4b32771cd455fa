select r.id, r.orders, r.payment, r.state, r.currency, r.amount, r.source, r.reason, r.after_sale, r.asked_by, r.channel_no, r.failure, r.check_at, r.checks,
       r.version, r.created_at, r.updated_at, p.channel
from refund r
join payment p on p.id = r.payment
where r.tenant = $1 and r.check_at > 0 and r.check_at <= $2
order by r.check_at, r.id
limit $3

select p.id, p.orders, p.channel, p.card, p.state, p.currency, p.amount, p.refunding, p.refunded, p.deposited, p.fee, p.fee_returned,
       p.channel_no, p.pay_url, p.failure, p.expires_at, p.check_at, p.checks, p.version, p.created_at, p.updated_at
from payment p
where p.tenant = $1 and p.check_at > 0 and p.check_at <= $2
order by p.check_at, p.id
limit $3

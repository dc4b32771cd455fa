select p.id, p.orders, p.channel, p.card, p.state, p.currency, p.amount, p.refunding, p.refunded, p.deposited, p.fee, p.fee_returned,
       p.channel_no, p.pay_url, p.failure, p.expires_at, p.check_at, p.checks, p.version, p.created_at, p.updated_at
from json_each($2) as want
cross join payment p
where p.orders = want.value ->> 'id' and p.tenant || '' = $1
order by p.created_at, p.id

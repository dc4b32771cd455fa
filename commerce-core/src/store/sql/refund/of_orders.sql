select r.id, r.orders, r.payment, r.state, r.currency, r.amount, r.source, r.reason, r.after_sale, r.asked_by, r.channel_no, r.failure, r.check_at, r.checks,
       r.version, r.created_at, r.updated_at
from json_each($2) as want
cross join refund r
where r.orders = want.value ->> 'id' and r.tenant || '' = $1
order by r.created_at, r.id

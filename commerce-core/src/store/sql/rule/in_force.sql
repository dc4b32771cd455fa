-- The rules that count now, the rules of the coupons that are presented, and those coupons.
select 'rule' as kind, r.rule_id, r.body as text, '' as customer, r.state
from rule_version r
where r.tenant = $1 and r.state = 'ACTIVE'
  and r.version = (select max(n.version) from rule_version n where n.tenant = r.tenant and n.rule_id = r.rule_id)
  and (r.valid_to > $3
       or r.rule_id in (select c.rule_id from json_each($2) as want
                        cross join coupon c where c.tenant = $1 and c.code = want.value ->> 'code'))
union all
select 'coupon' as kind, c.rule_id, c.code as text, c.customer, c.state
from json_each($2) as want
cross join coupon c
where c.tenant = $1 and c.code = want.value ->> 'code'

select code, rule_id, state, orders, created_at, used_at from coupon
where customer = $2 and customer <> '' and tenant || '' = $1
order by created_at desc, code

update coupon set state = 'UNUSED', orders = '', used_at = 0
where orders in (select value ->> 'id' from json_each($2)) and tenant || '' = $1

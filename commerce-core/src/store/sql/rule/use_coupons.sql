-- A coupon is used by whoever comes first.
update coupon set state = 'USED', orders = r.column3, used_at = r.column4
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as bigint))) as r
where coupon.tenant = r.column1 and coupon.code = r.column2 and coupon.state = 'UNUSED'

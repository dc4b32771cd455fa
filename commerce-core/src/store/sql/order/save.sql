-- Saves orders that nobody else changed in between: column2 is the version that was read.
-- `tenant || ''` keeps SQLite from walking through all orders of the tenant instead of the few that are named.
update orders set state = r.column4, hold = r.column5, hold_until = r.column6, goods = r.column7, discount = r.column8,
    freight = r.column9, tax = r.column10, total = r.column11, paid = r.column12, returned = r.column13, weight_g = r.column14,
    recipient = r.column15, phone = r.column16, province = r.column17, city = r.column18, district = r.column19,
    street = r.column20, invoice = r.column21, cancel_reason = r.column22, version = r.column2 + 1, updated_at = r.column23
from (values (cast($1 as text), cast($2 as bigint), cast($3 as text), cast($4 as text), cast($5 as text), cast($6 as bigint),
              cast($7 as bigint), cast($8 as bigint), cast($9 as bigint), cast($10 as bigint), cast($11 as bigint),
              cast($12 as bigint), cast($13 as bigint), cast($14 as bigint), cast($15 as text), cast($16 as text),
              cast($17 as text), cast($18 as text), cast($19 as text), cast($20 as text), cast($21 as text),
              cast($22 as text), cast($23 as bigint))) as r
where orders.id = r.column1 and orders.version = r.column2 and orders.tenant || '' = r.column3

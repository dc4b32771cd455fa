-- Saves payments that nobody else changed in between: column3 is the version that was read.
update payment set state = r.column4, refunding = r.column5, refunded = r.column6, deposited = r.column7, fee = r.column8,
    fee_returned = r.column9, channel_no = r.column10, pay_url = r.column11, failure = r.column12, expires_at = r.column13,
    check_at = r.column14, version = r.column15, updated_at = r.column16
from (values (cast($1 as text), cast($2 as text), cast($3 as bigint), cast($4 as text), cast($5 as bigint), cast($6 as bigint),
              cast($7 as bigint), cast($8 as bigint), cast($9 as bigint), cast($10 as text), cast($11 as text), cast($12 as text),
              cast($13 as bigint), cast($14 as bigint), cast($15 as bigint), cast($16 as bigint))) as r
where payment.id = r.column1 and payment.tenant || '' = r.column2 and payment.version = r.column3

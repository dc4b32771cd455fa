-- A difference that is known, open or resolved, is not opened again. The lowest number stands for an absent amount.
insert into difference (id, tenant, channel, key, day, reason, kind, currency, expected_amount, actual_amount, ours, theirs,
                        assigned_to, status, resolution, note, due_at, version, created_at, updated_at)
select column1, column2, column3, column4, column5, column6, column7, column8, nullif(column9, -9223372036854775807),
       nullif(column10, -9223372036854775807), column11, column12, '', 'OPEN', '', '', column13, 1, column14, column14
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text), cast($6 as text),
              cast($7 as text), cast($8 as text), cast($9 as bigint), cast($10 as bigint), cast($11 as text), cast($12 as text),
              cast($13 as bigint), cast($14 as bigint))) as r
where column1 is not null
on conflict do nothing

-- A difference that is known is not opened again: as long as nobody has settled it, its ticket follows it, and one that only a
-- statement had settled is open again. The lowest number stands for an absent amount.
insert into difference (id, tenant, channel, key, day, reason, kind, currency, expected_amount, expected_fee, actual_currency,
                        actual_amount, actual_fee, ours, theirs, assigned_to, status, resolution, note, due_at, version, created_at,
                        updated_at)
select column1, column2, column3, column4, column5, column6, column7, column8, nullif(column9, -9223372036854775807), column10,
       column11, nullif(column12, -9223372036854775807), column13, column14, column15, '', 'OPEN', '', '', column16, 1, column17,
       column17
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text), cast($6 as text),
              cast($7 as text), cast($8 as text), cast($9 as bigint), cast($10 as bigint), cast($11 as text),
              cast($12 as bigint), cast($13 as bigint), cast($14 as text), cast($15 as text), cast($16 as bigint),
              cast($17 as bigint))) as r
where column1 is not null
on conflict (tenant, channel, key) do update
set expected_amount = excluded.expected_amount, expected_fee = excluded.expected_fee, actual_currency = excluded.actual_currency,
    actual_amount = excluded.actual_amount, actual_fee = excluded.actual_fee, theirs = excluded.theirs,
    status = case difference.status when 'RESOLVED' then 'OPEN' else difference.status end, resolution = '',
    version = difference.version + 1, updated_at = excluded.updated_at
where difference.resolution in ('cleared', 'superseded')
   or (difference.status <> 'RESOLVED'
       and (difference.theirs <> excluded.theirs or difference.expected_fee <> excluded.expected_fee
            or difference.actual_fee <> excluded.actual_fee or difference.actual_currency <> excluded.actual_currency
            or coalesce(difference.expected_amount, 0) <> coalesce(excluded.expected_amount, 0)))
returning version

insert into statement_row (tenant, channel, fingerprint, kind, our_no, channel_no, reference, currency, amount, fee, at, imported_at)
select *
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text), cast($6 as text),
              cast($7 as text), cast($8 as text), cast($9 as bigint), cast($10 as bigint), cast($11 as bigint),
              cast($12 as bigint))) as r
where column1 is not null
on conflict do nothing

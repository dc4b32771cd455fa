-- A row that ends a pending transfer is only taken if that transfer is exactly what it says it was and is still open.
insert into ledger_transfer (id, tenant, phase, debit, credit, currency, amount, purpose, subject, pending, reserved, expires_at,
                             at, digest)
select *
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text),
              cast($6 as text), cast($7 as bigint), cast($8 as text), cast($9 as text), cast($10 as text),
              cast($11 as bigint), cast($12 as bigint), cast($13 as bigint), cast($14 as text))) as r
where column1 is not null
  and (column10 = '' or exists (
        select 1 from ledger_transfer p
        where p.id = column10 and p.tenant || '' = column2 and p.phase = 'PENDING' and p.debit || '' = column4
          and p.credit || '' = column5 and p.currency = column6 and p.amount = column11))
on conflict do nothing

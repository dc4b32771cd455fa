insert into event (id, tenant, name, version, subject, subject_version, correlation_id, actor, payload, at)
select *
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as bigint), cast($5 as text),
              cast($6 as bigint), cast($7 as text), cast($8 as text), cast($9 as text), cast($10 as bigint))) as r
where column1 is not null

-- Returns the messages that are new; one that came before is not taken twice.
insert into inbox (tenant, channel, event_id, body, state, reason, received_at)
select *
from (values (cast($1 as text), cast($2 as text), cast($3 as text), cast($4 as text), cast($5 as text), cast($6 as text),
              cast($7 as bigint))) as r
where column1 is not null
on conflict do nothing
returning channel, event_id

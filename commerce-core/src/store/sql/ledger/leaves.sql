-- Leaves, and what they stand for as it is now. A row that was moved to another shop is gone from this one: nothing else would
-- miss it. `|| ''` keeps the index of `id` in charge.
select l.position, l.entry, l.digest, coalesce(t.digest, a.digest) as now
from ledger_leaf l
left join ledger_transfer t on t.id = l.entry and t.tenant || '' = l.tenant
left join ledger_account a on a.id = l.entry and a.tenant || '' = l.tenant
where l.tenant = $1 and l.position >= $2
order by l.position
limit $3

-- `tenant` is left out of the joins: an entry that was moved to another tenant has another digest.
select l.position, l.entry, l.digest, coalesce(t.digest, a.digest) as now
from ledger_leaf l
left join ledger_transfer t on t.id = l.entry
left join ledger_account a on a.id = l.entry
where l.tenant = $1 and l.position >= $2
order by l.position
limit $3

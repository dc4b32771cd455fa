-- Every entry is either sealed or waits for it, under the digest it carries.
select e.entry
from (select id as entry, digest, tenant from ledger_transfer union all select id, digest, tenant from ledger_account) e
left join ledger_leaf l on l.entry = e.entry
left join ledger_unsealed u on u.entry = e.entry
where e.tenant = $1 and (coalesce(l.digest, u.digest, '') <> e.digest or (l.entry is null) = (u.entry is null))
limit 1

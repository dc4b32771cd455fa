select x.id, s.code as sku_code, x.kind, x.selector, a.code as activity_code, x.amount, x.valid_from, x.valid_to
from price x join sku s on s.id = x.sku left join activity a on a.id = x.selector
where x.tenant = $1 and ($2 = '' or x.sku = $2)
order by s.code, x.kind, x.selector, x.valid_from

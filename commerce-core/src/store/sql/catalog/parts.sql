select part.bundle, part.part, part.qty, s.code
from sku_part part join sku s on s.id = part.part
where part.tenant = $1
order by part.bundle, s.code

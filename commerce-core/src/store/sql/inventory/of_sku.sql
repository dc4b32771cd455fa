select cast(coalesce(sum(on_hand), 0) as bigint) as on_hand, cast(coalesce(sum(reserved), 0) as bigint) as reserved
from stock where sku = $2 and tenant || '' = $1

select d.endpoint, count(*) as letters
from webhook_delivery d where d.tenant = $1 and d.claim <> '' and d.next_at > $2
group by d.endpoint

select e.id, e.url, e.events, e.state, e.sequence, e.generation, e.overlap_until, e.failures, e.open_until, e.created_at
from webhook_endpoint e where e.tenant = $1 and e.state <> 'REMOVED' order by e.created_at, e.id

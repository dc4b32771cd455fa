select m.activity, m.stock, m.remaining
from activity a join allotment m on m.activity = a.id
where a.tenant = $1 and a.ends_at <= $2 and m.remaining > 0
order by m.stock
limit 500

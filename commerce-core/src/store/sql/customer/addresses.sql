select a.id, a.customer, a.name, a.phone, a.province, a.city, a.district, a.street, a.is_default
from address a join customer c on c.id = a.customer
where a.tenant = $1 and ($2 = '' or a.customer = $2)
order by c.code, a.is_default desc, a.province, a.city, a.district, a.street, a.name, a.id

delete from webhook_delivery
where id in (select id from webhook_delivery where settled_at > 0 and settled_at < $1 order by settled_at limit $2)

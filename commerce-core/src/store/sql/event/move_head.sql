update event_head set position = position + $1 where id = 1

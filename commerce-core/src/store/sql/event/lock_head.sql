update event_head set position = position where id = 1 returning position

select id from event where position is null limit 1

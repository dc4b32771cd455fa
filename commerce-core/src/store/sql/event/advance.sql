update consumer set position = $3 where name = $1 and position = $2

delete from session where hash = $1

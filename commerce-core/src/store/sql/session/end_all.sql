delete from session where tenant = $1 and staff = $2

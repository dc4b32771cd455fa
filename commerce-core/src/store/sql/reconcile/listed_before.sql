select max(at) as at from statement_row where tenant = $1 and channel = $2 and at < $3

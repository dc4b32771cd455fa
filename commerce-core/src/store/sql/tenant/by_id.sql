select id, code, name, currency, settings from tenant where id = $1

select id, code, name, currency, settings from tenant where code = $1

select id, code, name, currency, settings from tenant order by code

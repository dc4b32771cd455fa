select version, state from rule_version where tenant = $1 and rule_id = $2 order by version desc limit 1

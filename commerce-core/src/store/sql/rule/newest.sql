select rule_id, version, state, body, created_at from rule_version
where tenant = $1 and ($2 = '' or rule_id = $2)
order by rule_id, version desc

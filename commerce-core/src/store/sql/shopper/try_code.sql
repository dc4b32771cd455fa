-- Only as it was read: of those who guess at once, each counts.
update phone_code set code_hash = $3, failures = $4
where tenant = $1 and phone_hash = $2 and code_hash = $5 and failures = $6

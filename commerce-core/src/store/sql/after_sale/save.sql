-- Saves a case that nobody else changed in between: $3 is the version that was read.
update after_sale set status = $4, refund_amount = $5, resolution = $6, processed_at = $7, line = $8, version = version + 1
where id = $1 and tenant || '' = $2 and version = $3

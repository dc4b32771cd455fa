-- Saves a case that nobody else changed in between: $3 is its version, one more than the one that was read.
update after_sale set status = $4, refund_amount = $5, resolution = $6, processed_at = $7, line = $8, version = $3
where id = $1 and tenant || '' = $2 and version = $3 - 1

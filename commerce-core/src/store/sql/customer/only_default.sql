update address set is_default = case when id = $3 then 1 else 0 end where tenant = $1 and customer = $2

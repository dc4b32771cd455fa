delete from cart_line
where tenant || '' = $1
  and (customer, sku, activity) in (
      select gone.value ->> 'customer', gone.value ->> 'sku', gone.value ->> 'activity' from json_each($2) as gone)

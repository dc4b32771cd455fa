delete from cart_line
where tenant = $1
  and exists (select 1 from json_each($2) as gone
              where cart_line.customer = gone.value ->> 'customer' and cart_line.sku = gone.value ->> 'sku'
                and cart_line.activity = gone.value ->> 'activity')

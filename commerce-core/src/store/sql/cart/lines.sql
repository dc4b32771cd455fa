select sku, activity, qty from cart_line where tenant = $1 and customer = $2 order by added_at, sku

delete from cart_line where tenant = $1 and customer = $2

update customer set name = '', phone = '', email = '', tags = '[]' where tenant = $1 and id = $2

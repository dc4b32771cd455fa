-- What was bought and for how much stays in the books; to whom and where is forgotten.
update orders set recipient = '', phone = '', city = '', district = '', street = '', invoice = 'null', remark = '', metadata = '{}',
    cancel_reason = '',
    version = version + 1
where tenant = $1 and customer = $2

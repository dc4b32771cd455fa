select id, code, parent, name, name_en, position from category where tenant = $1 order by position, code

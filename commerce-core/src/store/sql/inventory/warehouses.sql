select id, code, name, region, rank from warehouse where tenant = $1 order by rank, code

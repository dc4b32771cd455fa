insert into parcel (id, tenant, warehouse, state, carrier, tracking_no, created_at, updated_at)
select value ->> 'id', $1, value ->> 'warehouse', 'PLANNED', '', '', $3, $3 from json_each($2)

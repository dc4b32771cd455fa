insert into batch (id, tenant, sku, code, harvest_year, processing_date, best_before, farmer_id, farm_plot_id, irrigation_source,
                   pesticide_report_id, quality_grade, inspection_report_url, trace_record_id, total_qty)
select value ->> 'id', $1, value ->> 'sku', value ->> 'code', cast(value ->> 'harvest_year' as bigint),
       value ->> 'processing_date', cast(value ->> 'best_before' as bigint), value ->> 'farmer_id', value ->> 'farm_plot_id',
       value ->> 'irrigation_source', value ->> 'pesticide_report_id', value ->> 'quality_grade',
       value ->> 'inspection_report_url', value ->> 'trace_record_id', cast(value ->> 'total_qty' as bigint)
from json_each($2) where true
on conflict (id) do update set harvest_year = excluded.harvest_year, processing_date = excluded.processing_date,
    best_before = excluded.best_before, farmer_id = excluded.farmer_id, farm_plot_id = excluded.farm_plot_id,
    irrigation_source = excluded.irrigation_source, pesticide_report_id = excluded.pesticide_report_id,
    quality_grade = excluded.quality_grade, inspection_report_url = excluded.inspection_report_url,
    trace_record_id = excluded.trace_record_id, total_qty = excluded.total_qty
where batch.tenant = excluded.tenant

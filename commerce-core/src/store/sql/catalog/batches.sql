select b.id, b.sku, s.code as sku_code, b.code, b.harvest_year, b.processing_date, b.best_before, b.farmer_id, b.farm_plot_id,
       b.irrigation_source, b.pesticide_report_id, b.quality_grade, b.inspection_report_url, b.trace_record_id, b.total_qty
from batch b join sku s on s.id = b.sku
where b.tenant = $1 and ($2 = '' or b.sku = $2)
order by b.code

//! Warehouses, and what lies in them.

use super::cells::Reader;
use super::table::{Cells, Table};
use super::{Import, ImportError, Outcome, RowFault, Thing};
use crate::catalog::id_of_code;
use crate::inventory::Warehouse;
use crate::service::{Count, Counting, write_counts};
use crate::store::{Conn, StoreError};
use crate::tenant::Tenant;
use std::collections::{BTreeMap, BTreeSet};

pub(super) async fn import_warehouses(import: &mut Import<'_>, table: &Table) -> Result<Outcome, ImportError> {
    let tenant = import.tenant.id;
    let mut warehouses = Vec::new();
    for row in &table.rows {
        let mut cell = Reader::new(row, import.faults);
        let (code, name, region, rank) =
            (cell.code("code"), cell.needed("name", 100), cell.text("region", 100), cell.number("rank", 0));
        let (Some(code), Some(name), Some(region), Some(rank)) = (code, name, region, rank) else { continue };
        warehouses.push(Warehouse { id: id_of_code(tenant, &code), code, name, region, rank });
    }
    if !import.is_to_write() {
        return Ok(Outcome::default());
    }
    for warehouse in &warehouses {
        import.tx.upsert_warehouse(tenant, warehouse).await?;
    }
    Ok(Outcome { written: warehouses.len(), unchanged: 0 })
}

pub(super) async fn export_warehouses(conn: &mut Conn, tenant: &Tenant) -> Result<Vec<Cells>, StoreError> {
    let row = |w: Warehouse| vec![w.code, w.name, w.region, w.rank.to_string()];
    Ok(conn.warehouses(tenant.id).await?.into_iter().map(row).collect())
}

/// Rows say how many are there; the journal gets the difference.
pub(super) async fn import_stock(import: &mut Import<'_>, table: &Table) -> Result<Outcome, ImportError> {
    let tenant = import.tenant.id;
    let warehouses: BTreeSet<String> =
        import.tx.warehouses(tenant).await?.into_iter().map(|warehouse| warehouse.code).collect();
    let batches: BTreeMap<String, String> =
        import.tx.batches(tenant, None).await?.into_iter().map(|batch| (batch.item.code, batch.sku_code)).collect();
    let levels = import.tx.stock_levels(tenant, None).await?;
    let mut counts: Vec<(u64, String, Count)> = Vec::new();
    let mut seen = BTreeSet::new();
    for row in &table.rows {
        let mut cell = Reader::new(row, import.faults);
        let (sku_code, warehouse, batch, on_hand) = (
            cell.code("sku_code"),
            cell.code("warehouse_code"),
            cell.text("batch_code", 64),
            cell.number("on_hand", 0_u32),
        );
        if let Some(code) = warehouse.as_ref().filter(|code| !warehouses.contains(*code)) {
            cell.bad("warehouse_code", RowFault::unknown(Thing::Warehouse, code));
        }
        if let (Some(batch), Some(sku)) = (&batch, &sku_code)
            && !batch.is_empty()
            && batches.get(batch) != Some(sku)
        {
            cell.bad("batch_code", RowFault::NoSuchBatch { sku: sku.clone(), batch: batch.clone() });
        }
        let (Some(sku_code), Some(warehouse), Some(batch), Some(on_hand)) = (sku_code, warehouse, batch, on_hand)
        else {
            continue;
        };
        let is_here = |level: &&crate::store::StockLevel| {
            level.sku_code == sku_code && level.warehouse_code == warehouse && level.batch_code == batch
        };
        if levels.iter().find(is_here).is_some_and(|level| i64::from(on_hand) < level.reserved) {
            cell.bad("on_hand", RowFault::Promised);
        }
        if !seen.insert((sku_code.clone(), warehouse.clone(), batch.clone())) {
            cell.bad("sku_code", RowFault::Twice { code: sku_code.clone() });
        }
        let batch = Some(batch).filter(|batch| !batch.is_empty()).map(|batch| id_of_code(tenant, &batch));
        let count = Count {
            sku: id_of_code(tenant, &sku_code),
            warehouse: id_of_code(tenant, &warehouse),
            batch,
            qty: on_hand,
        };
        counts.push((row.line, sku_code, count));
    }
    let known = import.tx.skus_by_code(tenant, &counts.iter().map(|(_, sku, _)| sku.clone()).collect()).await?;
    for (line, sku_code, _) in counts.iter().filter(|(_, sku_code, _)| !known.contains_key(sku_code)) {
        import.faults.add(*line, "sku_code", RowFault::unknown(Thing::Sku, sku_code));
    }
    let good: Vec<Count> =
        counts.into_iter().filter(|(line, ..)| !import.faults.has(*line)).map(|(_, _, count)| count).collect();
    if !import.is_to_write() || good.is_empty() {
        return Ok(Outcome::default());
    }
    write_counts(import.shop, import.tx, import.caller, &good, Counting::AreThere, "import").await?;
    Ok(Outcome { written: good.len(), unchanged: 0 })
}

pub(super) async fn export_stock(conn: &mut Conn, tenant: &Tenant) -> Result<Vec<Cells>, StoreError> {
    let row = |level: crate::store::StockLevel| {
        vec![level.sku_code, level.warehouse_code, level.on_hand.to_string(), level.batch_code]
    };
    Ok(conn.stock_levels(tenant.id, None).await?.into_iter().map(row).collect())
}

//! Planning parcels: which goods of which orders go together, from where they lie now.

use super::Desk;
use crate::caller::Caller;
use crate::fulfilment::{ParcelId, Piece, PlannedParcel, by_warehouse};
use crate::order::{Line, LineId, Order, OrderId};
use crate::store::{Held, StoreError, Tx};
use std::collections::HashMap;

/// The goods of these orders as they lie in the warehouses.
pub(super) async fn pieces(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    orders: &[OrderId],
) -> Result<Vec<Piece>, StoreError> {
    let now = desk.now();
    let owners: Vec<String> = orders.iter().map(OrderId::to_string).collect();
    let held = tx.held(caller.tenant, &owners, now).await?;
    let lines: HashMap<_, Line> =
        tx.order_lines(caller.tenant, orders).await?.into_iter().map(|line| (line.id, line)).collect();
    let offset = tx.tenant(caller.tenant).await?.map_or(0, |tenant| tenant.settings.utc_offset_minutes);
    let today = now.day(offset);
    let piece = |part: &Held| {
        let line = lines.get(&part.line?)?;
        let units: u64 =
            held.iter().filter(|other| other.line == part.line).map(|other| other.qty.unsigned_abs()).sum();
        Some(Piece {
            order: line.order,
            line: line.id,
            stock: part.stock,
            warehouse: part.warehouse,
            batch: part.batch,
            qty: part.qty,
            weight_g: line.weight_g / units.max(1),
            is_presale: part.processing_date.replace('-', "") > today,
        })
    };
    Ok(held.iter().filter_map(piece).collect())
}

pub(super) async fn plan(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    parcels: Vec<PlannedParcel>,
) -> Result<(), StoreError> {
    let now = desk.now();
    let parcels: Vec<(ParcelId, PlannedParcel)> = parcels.into_iter().map(|parcel| (desk.id(now), parcel)).collect();
    tx.insert_parcels(caller.tenant, &parcels, now).await
}

/// Plans parcels for a line that was added to an order.
pub(super) async fn plan_more(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    order: OrderId,
    line: LineId,
) -> Result<(), StoreError> {
    let mut pieces = pieces(desk, tx, caller, &[order]).await?;
    pieces.retain(|piece| piece.line == line);
    plan(desk, tx, caller, by_warehouse(&pieces)).await
}

/// Plans an allocated order's parcels anew after its goods changed.
pub(super) async fn replan(desk: &Desk, tx: &mut Tx, caller: &Caller, order: &Order) -> Result<(), StoreError> {
    tx.unplan_parcels(caller.tenant, order.id, desk.now()).await?;
    let pieces = pieces(desk, tx, caller, &[order.id]).await?;
    plan(desk, tx, caller, by_warehouse(&pieces)).await
}

//! How orders leave the warehouse: in parcels, one by one, split or merged. The shop proposes, an operator decides.

use crate::catalog::BatchId;
use crate::customer::Destination;
use crate::id::{Entity, Id};
use crate::inventory::{StockId, WarehouseId};
use crate::order::{Hold, LineId, Order, OrderId};
use crate::tenant::Settings;
use crate::time::{MINUTE, Timestamp};
use std::collections::{BTreeMap, HashMap};

/// What leaves a warehouse at once: part of one order, or several orders together.
#[derive(Clone, Debug, PartialEq)]
pub struct Parcel {
    pub id: ParcelId,
    pub warehouse: WarehouseId,
    pub state: ParcelState,
    pub carrier: String,
    pub tracking_no: String,
    pub items: Vec<ParcelItem>,
}

pub type ParcelId = Id<Parcel>;

impl Entity for Parcel {
    const PREFIX: &'static str = "par";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ParcelState {
    Planned,
    Shipped,
    Delivered,
    Canceled,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ParcelItem {
    pub order: OrderId,
    pub line: LineId,
    pub stock: StockId,
    pub qty: i64,
}

/// A parcel that is only thought of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PlannedParcel {
    pub warehouse: WarehouseId,
    pub items: Vec<ParcelItem>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    pub id: ProposalId,
    pub kind: ProposalKind,
    pub orders: Vec<OrderId>,
    pub reason: ProposalReason,
    pub plan: Vec<PlannedParcel>,
    pub state: ProposalState,
    pub created_at: Timestamp,
}

pub type ProposalId = Id<Proposal>;

impl Entity for Proposal {
    const PREFIX: &'static str = "pro";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ProposalKind {
    Split,
    Merge,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ProposalReason {
    /// The goods lie in more than one warehouse.
    Warehouses,
    /// Some of the goods can ship now, the rest is on presale.
    Presale,
    /// One parcel would be too heavy.
    Weight,
    /// Same door, same phone, close in time, light enough.
    SameDoor,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ProposalState {
    Open,
    Accepted,
    Declined,
    /// The orders changed before anybody decided.
    Stale,
}

/// A piece of an order as it lies in the warehouse.
#[derive(Clone, Debug)]
pub struct Piece {
    pub order: OrderId,
    pub line: LineId,
    pub stock: StockId,
    pub warehouse: WarehouseId,
    pub batch: Option<BatchId>,
    pub qty: i64,
    /// Of one unit.
    pub weight_g: u64,
    /// Of a harvest that is sold before it is brought in.
    pub is_presale: bool,
}

/// One parcel for each warehouse: how an order ships when nobody splits it.
pub fn by_warehouse(pieces: &[Piece]) -> Vec<PlannedParcel> {
    let mut parcels: BTreeMap<WarehouseId, Vec<ParcelItem>> = BTreeMap::new();
    for piece in pieces {
        parcels.entry(piece.warehouse).or_default().push(item(piece, piece.qty));
    }
    parcels.into_iter().map(|(warehouse, items)| PlannedParcel { warehouse, items }).collect()
}

/// Whether an order should leave in several parcels, and in which.
pub fn propose_split(pieces: &[Piece], settings: &Settings) -> Option<(ProposalReason, Vec<PlannedParcel>)> {
    let (later, soon): (Vec<Piece>, Vec<Piece>) = pieces.iter().cloned().partition(|piece| piece.is_presale);
    if !later.is_empty() && !soon.is_empty() {
        return Some((ProposalReason::Presale, [by_warehouse(&soon), by_warehouse(&later)].concat()));
    }
    let parcels = by_warehouse(pieces);
    if parcels.len() > 1 {
        return Some((ProposalReason::Warehouses, parcels));
    }
    let weight_g: u64 = pieces.iter().map(|piece| piece.weight_g.saturating_mul(piece.qty.unsigned_abs())).sum();
    if weight_g > u64::from(settings.split_over_g) {
        let parcels = by_weight(pieces, u64::from(settings.split_over_g));
        // A single unit that is too heavy alone cannot be split.
        return (parcels.len() > 1).then_some((ProposalReason::Weight, parcels));
    }
    None
}

/// Fills parcels up to `most_g` each, unit by unit, in the order the goods are listed.
fn by_weight(pieces: &[Piece], most_g: u64) -> Vec<PlannedParcel> {
    let mut parcels: Vec<PlannedParcel> = Vec::new();
    let mut room_g = 0;
    for piece in pieces {
        let mut left = piece.qty;
        while left > 0 {
            let unit_g = piece.weight_g.max(1);
            let fits = i64::try_from(room_g / unit_g).unwrap_or(i64::MAX).min(left);
            let start_new = fits == 0;
            let qty =
                if start_new { i64::try_from((most_g / unit_g).max(1)).unwrap_or(i64::MAX).min(left) } else { fits };
            if start_new {
                parcels.push(PlannedParcel { warehouse: piece.warehouse, items: Vec::new() });
                room_g = most_g;
            }
            if let Some(parcel) = parcels.last_mut() {
                parcel.items.push(item(piece, qty));
            }
            room_g = room_g.saturating_sub(unit_g * qty.unsigned_abs());
            left -= qty;
        }
    }
    parcels
}

/// Groups of orders that go to one door and may share a parcel.
pub fn propose_merges(orders: &[Order], settings: &Settings) -> Vec<Vec<OrderId>> {
    let mut by_door: HashMap<&Destination, Vec<&Order>> = HashMap::new();
    for order in orders.iter().filter(|order| order.hold == Hold::Consumed && !order.destination.street.is_empty()) {
        by_door.entry(&order.destination).or_default().push(order);
    }
    let window = i64::from(settings.merge_window_minutes) * MINUTE;
    let mut groups: Vec<Vec<OrderId>> = Vec::new();
    for mut at_door in by_door.into_values() {
        at_door.sort_by_key(|order| (order.created_at, order.id));
        let mut group: Vec<&Order> = Vec::new();
        for order in at_door {
            let weight_g: u64 = group.iter().map(|member| member.weight_g).sum::<u64>() + order.weight_g;
            let is_close =
                group.first().is_none_or(|first| order.created_at.micros() - first.created_at.micros() <= window);
            if !(is_close && weight_g < u64::from(settings.merge_under_g)) {
                groups.push(group.drain(..).map(|member| member.id).collect());
            }
            group.push(order);
        }
        groups.push(group.into_iter().map(|member| member.id).collect());
    }
    groups.retain(|group| group.len() > 1);
    groups.sort();
    groups
}

fn item(piece: &Piece, qty: i64) -> ParcelItem {
    ParcelItem { order: piece.order, line: piece.line, stock: piece.stock, qty }
}

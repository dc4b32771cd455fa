//! One pool of stock in many piles, and how an order's wants are taken from it.

use crate::catalog::{BatchId, Part, SkuId};
use crate::id::{Entity, Id};
use crate::order::LineId;
use crate::pricing::ActivityId;
use crate::time::Timestamp;
use std::collections::{BTreeMap, HashMap};

#[derive(Clone, Debug, PartialEq)]
pub struct Warehouse {
    pub id: WarehouseId,
    pub code: String,
    pub name: String,
    pub region: String,
    /// The lower, the sooner it is asked to ship.
    pub rank: i64,
}

pub type WarehouseId = Id<Warehouse>;

impl Entity for Warehouse {
    const PREFIX: &'static str = "whs";
}

/// One pile: a SKU, in a warehouse, of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct Pile {
    pub stock: StockId,
    pub sku: SkuId,
    pub warehouse: WarehouseId,
    pub warehouse_rank: i64,
    pub batch: Option<BatchId>,
    pub best_before: Timestamp,
    pub received_at: Timestamp,
    /// On hand and not reserved by anybody.
    pub free: i64,
    /// Set aside for activities, and how much of it is left.
    pub set_aside: BTreeMap<ActivityId, i64>,
}

pub type StockId = Id<Pile>;

impl Entity for Pile {
    const PREFIX: &'static str = "stk";
}

/// Why a number in the stock journal changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum TxKind {
    Receive,
    Adjust,
    /// Reserved for an order.
    Hold,
    Release,
    Expire,
    /// Set aside for an activity, or given back by it.
    SetAside,
    GiveBack,
    Ship,
    /// Came back from a buyer.
    Return,
}

/// One line of the stock journal (`inventory_tx`).
#[derive(Clone, Debug, PartialEq)]
pub struct InventoryTx {
    pub id: InventoryTxId,
    pub stock: StockId,
    pub kind: TxKind,
    /// The order or activity whose reservation moves, or why stock came or went.
    pub owner: String,
    pub line: Option<LineId>,
    pub on_hand: i64,
    pub reserved: i64,
}

pub type InventoryTxId = Id<InventoryTx>;

impl Entity for InventoryTx {
    const PREFIX: &'static str = "itx";
}

/// What a line of an order wants from the shelf.
#[derive(Clone, Debug)]
pub struct Want {
    pub line: LineId,
    pub sku: SkuId,
    pub qty: u32,
    pub batch: Option<BatchId>,
    pub activity: Option<ActivityId>,
    /// Virtual goods that nobody counts are never short.
    pub is_counted: bool,
}

/// A part of a want, met from one pile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Take {
    pub line: LineId,
    pub stock: StockId,
    pub sku: SkuId,
    pub batch: Option<BatchId>,
    pub warehouse: WarehouseId,
    pub activity: Option<ActivityId>,
    pub qty: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortage {
    pub sku: SkuId,
    /// How many could be had.
    pub left: i64,
}

/// The piles that a group of orders may take from; it shrinks as they do.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    piles: Vec<Pile>,
    of_sku: HashMap<SkuId, Vec<usize>>,
    parts: HashMap<SkuId, Vec<Part>>,
}

impl Shelf {
    /// `parts` says which SKUs are bundles and what is in them.
    pub fn new(mut piles: Vec<Pile>, parts: HashMap<SkuId, Vec<Part>>) -> Self {
        // Freshness first: what expires soonest leaves soonest, then what came first.
        piles.sort_by_key(|pile| (pile.best_before, pile.received_at, pile.stock));
        let mut of_sku: HashMap<SkuId, Vec<usize>> = HashMap::new();
        for (i, pile) in piles.iter().enumerate() {
            of_sku.entry(pile.sku).or_default().push(i);
        }
        Self { piles, of_sku, parts }
    }

    pub fn has_piles(&self, sku: SkuId) -> bool {
        self.of_sku.contains_key(&sku) || self.parts.contains_key(&sku)
    }

    /// Meets every want or none. One warehouse that has everything is preferred, so that the order ships in one parcel;
    /// otherwise warehouses are asked in order of rank.
    pub fn allocate(&mut self, wants: &[Want], now: Timestamp) -> Result<Vec<Take>, Shortage> {
        let wants: Vec<Want> = wants.iter().filter(|want| want.is_counted).flat_map(|want| self.unpack(want)).collect();
        let mut warehouses: Vec<(i64, WarehouseId)> = wants
            .iter()
            .flat_map(|want| self.piles_for(want, now))
            .map(|i| (self.piles[i].warehouse_rank, self.piles[i].warehouse))
            .collect();
        warehouses.sort_unstable();
        warehouses.dedup();
        for (_, warehouse) in &warehouses {
            if let Ok(takes) = self.try_take(&wants, &[*warehouse], now) {
                return Ok(takes);
            }
        }
        let all: Vec<WarehouseId> = warehouses.into_iter().map(|(_, warehouse)| warehouse).collect();
        self.try_take(&wants, &all, now)
    }

    /// How many of a SKU could be bought outside any activity.
    pub fn free(&self, sku: SkuId, now: Timestamp) -> i64 {
        if let Some(parts) = self.parts.get(&sku) {
            return parts.iter().map(|part| self.free(part.sku, now) / i64::from(part.qty)).min().unwrap_or(0);
        }
        self.of_sku
            .get(&sku)
            .into_iter()
            .flatten()
            .map(|&i| &self.piles[i])
            .filter(|pile| pile.best_before > now)
            .map(|pile| pile.free)
            .sum()
    }

    fn unpack(&self, want: &Want) -> Vec<Want> {
        match self.parts.get(&want.sku) {
            None => vec![want.clone()],
            Some(parts) => parts
                .iter()
                .map(|part| Want { sku: part.sku, qty: want.qty.saturating_mul(part.qty), ..want.clone() })
                .collect(),
        }
    }

    fn piles_for(&self, want: &Want, now: Timestamp) -> impl Iterator<Item = usize> {
        let of_sku = self.of_sku.get(&want.sku).into_iter().flatten().copied();
        let batch = want.batch;
        of_sku.filter(move |&i| self.piles[i].best_before > now && (batch.is_none() || self.piles[i].batch == batch))
    }

    fn try_take(&mut self, wants: &[Want], warehouses: &[WarehouseId], now: Timestamp) -> Result<Vec<Take>, Shortage> {
        let mut takes = Vec::new();
        for want in wants {
            let before = takes.len();
            let mut missing = i64::from(want.qty);
            for warehouse in warehouses {
                let candidates: Vec<usize> =
                    self.piles_for(want, now).filter(|&i| self.piles[i].warehouse == *warehouse).collect();
                for i in candidates {
                    let Some(take) = self.take_from(i, want, missing) else { continue };
                    missing -= take.qty;
                    takes.push(take);
                }
            }
            if missing > 0 {
                let left = takes[before..].iter().map(|take| take.qty).sum();
                self.put_back(&takes);
                return Err(Shortage { sku: want.sku, left });
            }
        }
        Ok(takes)
    }

    fn take_from(&mut self, i: usize, want: &Want, missing: i64) -> Option<Take> {
        let pile = &mut self.piles[i];
        let available = match want.activity {
            Some(activity) => pile.set_aside.get_mut(&activity)?,
            None => &mut pile.free,
        };
        let qty = missing.min(*available);
        if qty <= 0 {
            return None;
        }
        *available -= qty;
        Some(Take {
            line: want.line,
            stock: pile.stock,
            sku: pile.sku,
            batch: pile.batch,
            warehouse: pile.warehouse,
            activity: want.activity,
            qty,
        })
    }

    /// Undoes takes, as if they had not been.
    pub fn put_back(&mut self, takes: &[Take]) {
        for take in takes {
            let Some(pile) = self.piles.iter_mut().find(|pile| pile.stock == take.stock) else { continue };
            match take.activity {
                Some(activity) => *pile.set_aside.entry(activity).or_default() += take.qty,
                None => pile.free += take.qty,
            }
        }
    }
}

#[cfg(test)]
mod tests;

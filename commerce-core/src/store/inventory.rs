use super::{Cell, Conn, Row, StoreError, Tx};
use crate::catalog::{BatchId, Part, SkuId};
use crate::inventory::{InventoryTx, Pile, Shelf, StockId, Warehouse, WarehouseId};
use crate::order::LineId;
use crate::pricing::ActivityId;
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Goods without a date of their own never spoil.
const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);

/// What one owner still holds of one pile.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    pub owner: String,
    pub line: Option<LineId>,
    pub stock: StockId,
    pub sku: SkuId,
    pub warehouse: WarehouseId,
    pub batch: Option<BatchId>,
    pub qty: i64,
    /// When the batch is or was brought in, as a calendar day; empty without a batch.
    pub processing_date: String,
    /// The activity that it came from and that still runs.
    pub activity: Option<ActivityId>,
}

/// The numbers of one pile, by the codes a merchant knows.
#[derive(Clone, Debug, PartialEq)]
pub struct StockLevel {
    pub stock: StockId,
    pub sku: SkuId,
    pub sku_code: String,
    pub warehouse_code: String,
    pub batch_code: String,
    pub on_hand: i64,
    pub reserved: i64,
}

/// A pile by what it is made of, and what it holds.
pub(crate) struct PileNumbers {
    pub(crate) stock: StockId,
    pub(crate) on_hand: i64,
    pub(crate) reserved: i64,
}

/// Which pile: goods, place, batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PileKey {
    pub(crate) sku: SkuId,
    pub(crate) warehouse: WarehouseId,
    pub(crate) batch: Option<BatchId>,
}

/// A pile whose numbers are not what its journal says.
#[derive(Clone, Debug, PartialEq)]
pub struct Disagreement {
    pub stock: StockId,
    pub says: (i64, i64),
    pub journal_says: (i64, i64),
}

pub(crate) struct RunningLow {
    pub(crate) sku: SkuId,
    pub(crate) code: String,
    pub(crate) mark: i64,
}

impl Conn {
    /// The shelf that orders for these SKUs (or for bundles of them) are filled from.
    pub(crate) async fn shelf(&mut self, tenant: TenantId, skus: &BTreeSet<SkuId>) -> Result<Shelf, StoreError> {
        let wanted: Vec<_> = skus.iter().map(|sku| json!({ "sku": sku })).collect();
        let rows = self.sql(include_str!("sql/inventory/piles.sql")).text(tenant).json(&wanted).rows().await?;
        let mut piles: HashMap<StockId, Pile> = HashMap::new();
        let mut parts: HashMap<SkuId, Vec<Part>> = HashMap::new();
        for row in rows {
            if let Some(part) = row.maybe_id("part")? {
                let of_bundle: &mut Vec<Part> = parts.entry(row.id("wanted")?).or_default();
                if !of_bundle.iter().any(|known| known.sku == part) {
                    of_bundle.push(Part { sku: part, qty: row.count("part_qty")? });
                }
            }
            let Some(stock) = row.maybe_id("stock")? else { continue };
            let pile = match piles.entry(stock) {
                std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
                std::collections::hash_map::Entry::Vacant(new) => new.insert(read_pile(&row, stock)?),
            };
            if let Some(activity) = row.maybe_id("activity")? {
                pile.set_aside.insert(activity, row.int("remaining")?);
            }
        }
        Ok(Shelf::new(piles.into_values().collect(), parts))
    }

    pub async fn warehouses(&mut self, tenant: TenantId) -> Result<Vec<Warehouse>, StoreError> {
        let rows = self.sql(include_str!("sql/inventory/warehouses.sql")).text(tenant).rows().await?;
        let read = |row: Row| {
            Ok(Warehouse {
                id: row.id("id")?,
                code: row.text("code")?,
                name: row.text("name")?,
                region: row.text("region")?,
                rank: row.int("rank")?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// The piles of one SKU, or of all.
    pub async fn stock_levels(&mut self, tenant: TenantId, of: Option<SkuId>) -> Result<Vec<StockLevel>, StoreError> {
        let rows = self.sql(include_str!("sql/inventory/levels.sql")).text(tenant).maybe(of).rows().await?;
        let read = |row: Row| {
            Ok(StockLevel {
                stock: row.id("stock")?,
                sku: row.id("sku")?,
                sku_code: row.text("sku_code")?,
                warehouse_code: row.text("warehouse_code")?,
                batch_code: row.text("batch_code")?,
                on_hand: row.int("on_hand")?,
                reserved: row.int("reserved")?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// On hand and reserved, over all piles.
    pub async fn stock_of(&mut self, tenant: TenantId, sku: SkuId) -> Result<(i64, i64), StoreError> {
        let row = self.sql(include_str!("sql/inventory/of_sku.sql")).text(tenant).text(sku).row().await?;
        row.map_or(Ok((0, 0)), |row| Ok((row.int("on_hand")?, row.int("reserved")?)))
    }

    /// What these orders or activities hold, by the journal.
    pub async fn held(&mut self, tenant: TenantId, owners: &[String], now: Timestamp) -> Result<Vec<Held>, StoreError> {
        let wanted: Vec<_> = owners.iter().map(|owner| json!({ "id": owner })).collect();
        let rows = self.sql(include_str!("sql/inventory/held.sql")).text(tenant).json(&wanted).time(now).rows().await?;
        let read = |row: Row| {
            Ok(Held {
                owner: row.text("owner")?,
                line: row.maybe_id("line")?,
                stock: row.id("stock")?,
                sku: row.id("sku")?,
                warehouse: row.id("warehouse")?,
                batch: row.maybe_id("batch")?,
                qty: row.int("held")?,
                processing_date: row.maybe_text("processing_date")?.unwrap_or_default(),
                activity: row.maybe_id("activity")?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// What came to this pile and went from it, oldest first.
    pub async fn stock_journal(&mut self, tenant: TenantId, stock: StockId) -> Result<Vec<InventoryTx>, StoreError> {
        let rows = self.sql(include_str!("sql/inventory/journal_of.sql")).text(tenant).text(stock).rows().await?;
        let read = |row: Row| {
            Ok(InventoryTx {
                id: row.id("id")?,
                stock: row.id("stock")?,
                kind: row.word("kind")?,
                owner: row.text("owner")?,
                line: row.maybe_id("line")?,
                on_hand: row.int("on_hand")?,
                reserved: row.int("reserved")?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Piles that do not agree with their journal: none, unless somebody wrote past the shop.
    pub async fn stock_disagreements(&mut self, tenant: TenantId) -> Result<Vec<Disagreement>, StoreError> {
        let rows = self.sql(include_str!("sql/inventory/disagreements.sql")).text(tenant).rows().await?;
        let read = |row: Row| {
            Ok(Disagreement {
                stock: row.id("id")?,
                says: (row.int("on_hand")?, row.int("reserved")?),
                journal_says: (row.int("journal_on_hand")?, row.int("journal_reserved")?),
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// What activities that ended still have set aside.
    pub(crate) async fn ended_allotments(
        &mut self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<Vec<(ActivityId, StockId, i64)>, StoreError> {
        let rows = self.sql(include_str!("sql/inventory/ended_allotments.sql")).text(tenant).time(now).rows().await?;
        rows.into_iter().map(|row| Ok((row.id("activity")?, row.id("stock")?, row.int("remaining")?))).collect()
    }
}

impl Tx {
    pub(crate) async fn upsert_warehouse(&mut self, tenant: TenantId, warehouse: &Warehouse) -> Result<(), StoreError> {
        self.sql(include_str!("sql/inventory/upsert_warehouse.sql"))
            .text(warehouse.id)
            .text(tenant)
            .text(&warehouse.code)
            .text(&warehouse.name)
            .text(&warehouse.region)
            .int(warehouse.rank)
            .run()
            .await
    }

    /// Finds the piles, making empty ones where there are none yet.
    pub(crate) async fn piles(
        &mut self,
        tenant: TenantId,
        wanted: &[(StockId, PileKey)],
        now: Timestamp,
    ) -> Result<HashMap<PileKey, PileNumbers>, StoreError> {
        let word = |batch: Option<BatchId>| batch.map_or_else(String::new, |batch| batch.to_string());
        let rows: Vec<_> = wanted
            .iter()
            .map(|(id, key)| json!({ "id": id, "sku": key.sku, "warehouse": key.warehouse, "batch": word(key.batch) }))
            .collect();
        self.sql(include_str!("sql/inventory/open_piles.sql")).text(tenant).json(&rows).time(now).run().await?;
        let found = self.sql(include_str!("sql/inventory/find_piles.sql")).text(tenant).json(&rows).rows().await?;
        let read = |row: Row| {
            let key = PileKey { sku: row.id("sku")?, warehouse: row.id("warehouse")?, batch: row.maybe_id("batch")? };
            Ok((
                key,
                PileNumbers { stock: row.id("id")?, on_hand: row.int("on_hand")?, reserved: row.int("reserved")? },
            ))
        };
        found.into_iter().map(read).collect()
    }

    /// Changes stock as the journal entries say and writes them down, in one go. If any pile would go below zero or be
    /// promised beyond what it holds, nobody's numbers were right any more: the write is undone and tried again.
    pub(crate) async fn move_stock(
        &mut self,
        tenant: TenantId,
        entries: &[InventoryTx],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        // Piles are touched once each and in order, so that two writes cannot wait for each other.
        let mut piles: BTreeMap<StockId, (i64, i64)> = BTreeMap::new();
        for entry in entries {
            let sums = piles.entry(entry.stock).or_default();
            *sums = (sums.0 + entry.on_hand, sums.1 + entry.reserved);
        }
        piles.retain(|_, sums| *sums != (0, 0));
        let changes: Vec<Vec<Cell>> = piles
            .iter()
            .map(|(stock, (on_hand, reserved))| {
                vec![Cell::text(stock), Cell::text(tenant), Cell::int(*on_hand), Cell::int(*reserved)]
            })
            .collect();
        let wanted = changes.len();
        if wanted > 0 {
            let changed = self.sql_rows(include_str!("sql/inventory/change.sql"), changes).changes().await?;
            if changed != wanted {
                return Err(self.lost_a_race());
            }
        }
        let row = |e: &InventoryTx| {
            vec![
                Cell::text(e.id),
                Cell::text(tenant),
                Cell::text(e.stock),
                Cell::text(e.kind),
                Cell::text(&e.owner),
                Cell::maybe(e.line),
                Cell::int(e.on_hand),
                Cell::int(e.reserved),
                Cell::time(now),
            ]
        };
        self.sql_rows(include_str!("sql/inventory/journal.sql"), entries.iter().map(row).collect()).run().await
    }

    /// Gives activities more to sell; the stock itself is moved by [`Tx::move_stock`].
    pub(crate) async fn add_to_activities(
        &mut self,
        tenant: TenantId,
        more: &[(ActivityId, StockId, i64)],
    ) -> Result<(), StoreError> {
        let summed = sum_allotments(more);
        if summed.is_empty() {
            return Ok(());
        }
        self.sql(include_str!("sql/inventory/change_allotments.sql")).text(tenant).json(&summed).run().await
    }

    /// Takes from what activities have set aside; too little there is a lost race.
    pub(crate) async fn take_from_activities(
        &mut self,
        tenant: TenantId,
        takes: &[(ActivityId, StockId, i64)],
    ) -> Result<(), StoreError> {
        let summed = sum_allotments(takes);
        if summed.is_empty() {
            return Ok(());
        }
        let taken =
            self.sql(include_str!("sql/inventory/take_allotments.sql")).text(tenant).json(&summed).changes().await?;
        if taken == summed.len() { Ok(()) } else { Err(self.lost_a_race()) }
    }

    /// Marks the SKUs that newly run low, so that each is told once until it is restocked.
    pub(crate) async fn mark_running_low(&mut self, tenant: TenantId) -> Result<Vec<RunningLow>, StoreError> {
        self.sql(include_str!("sql/inventory/restocked.sql")).text(tenant).run().await?;
        let rows = self.sql(include_str!("sql/inventory/running_low.sql")).text(tenant).rows().await?;
        rows.into_iter()
            .map(|row| Ok(RunningLow { sku: row.id("id")?, code: row.text("code")?, mark: row.int("low_stock")? }))
            .collect()
    }
}

fn sum_allotments(changes: &[(ActivityId, StockId, i64)]) -> Vec<serde_json::Value> {
    let mut sums: BTreeMap<(StockId, ActivityId), i64> = BTreeMap::new();
    for (activity, stock, qty) in changes {
        *sums.entry((*stock, *activity)).or_default() += qty;
    }
    sums.into_iter()
        .map(|((stock, activity), qty)| json!({ "activity": activity, "stock": stock, "qty": qty }))
        .collect()
}

fn read_pile(row: &Row, stock: StockId) -> Result<Pile, StoreError> {
    Ok(Pile {
        stock,
        sku: row.id("sku")?,
        warehouse: row.id("warehouse")?,
        warehouse_rank: row.int("rank")?,
        batch: row.maybe_id("batch")?,
        best_before: row.maybe_int("best_before")?.map_or(NEVER, Timestamp::from_micros),
        received_at: row.time("received_at")?,
        free: row.int("free")?,
        set_aside: BTreeMap::new(),
    })
}

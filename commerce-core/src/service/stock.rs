//! Goods that come, goods that are counted, goods set aside for an activity.

use super::Shop;
use crate::caller::{Caller, NotAllowed};
use crate::catalog::{BatchId, SkuId};
use crate::error::{Code, Failure, Kind};
use crate::event::{Event, EventName};
use crate::inventory::{InventoryTx, StockId, TxKind, Want, Warehouse, WarehouseId};
use crate::permission::Permission;
use crate::pricing::ActivityId;
use crate::store::{PileKey, Settled, StockLevel, StoreError, Tx};
use serde_json::json;
use std::collections::BTreeSet;

/// How many of something lie somewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    pub sku: SkuId,
    pub warehouse: WarehouseId,
    pub batch: Option<BatchId>,
    pub qty: u32,
}

impl Count {
    fn key(&self) -> PileKey {
        PileKey { sku: self.sku, warehouse: self.warehouse, batch: self.batch }
    }
}

/// What a count is to a pile.
#[derive(Clone, Copy, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum Counting {
    /// So many came in addition.
    Arrived,
    /// So many are there.
    AreThere,
}

impl Shop {
    pub async fn save_warehouse(&self, caller: &Caller, warehouse: &Warehouse) -> Result<(), StockError> {
        caller.may(Permission::WriteStock)?;
        self.desk
            .store
            .write(move |mut tx| async move {
                tx.upsert_warehouse(caller.tenant, warehouse).await?;
                Ok::<Settled<()>, StockError>(tx.keep(()).await?)
            })
            .await
    }

    /// Goods arrived.
    pub async fn receive_stock(&self, caller: &Caller, counts: &[Count], note: &str) -> Result<(), StockError> {
        self.count(caller, counts, Counting::Arrived, note).await
    }

    /// Goods were counted: so many lie there, whatever the books said. What is reserved cannot be counted away.
    pub async fn set_stock(&self, caller: &Caller, counts: &[Count], note: &str) -> Result<(), StockError> {
        self.count(caller, counts, Counting::AreThere, note).await
    }

    async fn count(&self, caller: &Caller, counts: &[Count], counting: Counting, note: &str) -> Result<(), StockError> {
        caller.may(Permission::WriteStock)?;
        self.desk
            .store
            .write(move |mut tx| async move {
                write_counts(self, &mut tx, caller, counts, counting, note).await?;
                Ok::<Settled<()>, StockError>(tx.keep(()).await?)
            })
            .await
    }

    /// Sets stock aside for an activity: from now on only its buyers get it. What is left when it ends goes back to the pool.
    pub async fn set_aside(
        &self,
        caller: &Caller,
        activity: ActivityId,
        sku: SkuId,
        qty: u32,
    ) -> Result<(), StockError> {
        caller.may(Permission::WriteStock)?;
        if qty == 0 {
            return Err(StockError::NothingCounted);
        }
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let tenant = caller.tenant;
                let running =
                    tx.activities(tenant).await?.into_iter().find(|known| known.id == activity && known.ends_at > now);
                running.ok_or(StockError::UnknownActivity)?;
                let mut shelf = tx.shelf(tenant, &BTreeSet::from([sku])).await?;
                let want = Want { line: desk.id(now), sku, qty, batch: None, activity: None, is_counted: true };
                let takes =
                    shelf.allocate(&[want], now).map_err(|short| StockError::Insufficient { left: short.left })?;
                let entry = |stock, qty| InventoryTx {
                    id: desk.id(now),
                    stock,
                    kind: TxKind::SetAside,
                    owner: activity.to_string(),
                    line: None,
                    on_hand: 0,
                    reserved: qty,
                };
                let journal: Vec<InventoryTx> = takes.iter().map(|take| entry(take.stock, take.qty)).collect();
                let more: Vec<_> = takes.iter().map(|take| (activity, take.stock, take.qty)).collect();
                tx.move_stock(tenant, &journal, now).await?;
                tx.add_to_activities(tenant, &more).await?;
                let event = Event::new(
                    desk.id(now),
                    EventName::StockSetAside,
                    activity,
                    caller,
                    now,
                    json!({ "sku": sku, "qty": qty }),
                );
                tx.record(tenant, &[event]).await?;
                Ok::<Settled<()>, StockError>(tx.keep(()).await?)
            })
            .await
    }

    /// How many of a SKU (or bundle) a buyer could have now, outside any activity.
    pub async fn warehouses(&self, caller: &Caller) -> Result<Vec<Warehouse>, StockError> {
        caller.may(Permission::ReadCatalogue)?;
        Ok(self.desk.store.read().await?.warehouses(caller.tenant).await?)
    }

    /// Where a SKU lies, how much of it, and how much of that is promised.
    pub async fn stock(&self, caller: &Caller, sku: SkuId) -> Result<Vec<StockLevel>, StockError> {
        caller.may(Permission::ReadCatalogue)?;
        Ok(self.desk.store.read().await?.stock_levels(caller.tenant, Some(sku)).await?)
    }

    /// What came to a pile and went from it, oldest first.
    pub async fn stock_journal(&self, caller: &Caller, stock: StockId) -> Result<Vec<InventoryTx>, StockError> {
        caller.may(Permission::ReadCatalogue)?;
        Ok(self.desk.store.read().await?.stock_journal(caller.tenant, stock).await?)
    }

    pub async fn available(&self, caller: &Caller, sku: SkuId) -> Result<i64, StockError> {
        let shelf = self.desk.store.read().await?.shelf(caller.tenant, &BTreeSet::from([sku])).await?;
        Ok(shelf.free(sku, self.desk.now()))
    }
}

pub(crate) async fn write_counts(
    shop: &Shop,
    tx: &mut Tx,
    caller: &Caller,
    counts: &[Count],
    counting: Counting,
    note: &str,
) -> Result<(), StockError> {
    let now = shop.now();
    let tenant = caller.tenant;
    let skus: BTreeSet<SkuId> = counts.iter().map(|count| count.sku).collect();
    let Some(owner) = tx.tenant(tenant).await? else { return Err(StockError::UnknownWarehouse) };
    let known = tx.offers(tenant, owner.currency, &skus, now).await?;
    if let Some(sku) = skus.iter().find(|sku| !known.contains_key(sku)) {
        return Err(StockError::UnknownSku { sku: *sku });
    }
    let warehouses: BTreeSet<WarehouseId> =
        tx.warehouses(tenant).await?.into_iter().map(|warehouse| warehouse.id).collect();
    if !counts.iter().all(|count| warehouses.contains(&count.warehouse)) {
        return Err(StockError::UnknownWarehouse);
    }
    let wanted: Vec<_> = counts.iter().map(|count| (shop.mint_id(now), count.key())).collect();
    let piles = tx.piles(tenant, &wanted, now).await?;
    let mut journal = Vec::new();
    for count in counts {
        // Just found or made in this very write.
        let Some(pile) = piles.get(&count.key()) else { return Err(StockError::UnknownSku { sku: count.sku }) };
        let (kind, change) = match counting {
            Counting::Arrived => (TxKind::Receive, i64::from(count.qty)),
            Counting::AreThere => (TxKind::Adjust, i64::from(count.qty) - pile.on_hand),
        };
        if pile.on_hand + change < pile.reserved {
            return Err(StockError::Reserved { reserved: pile.reserved });
        }
        if change != 0 {
            journal.push(InventoryTx {
                id: shop.mint_id(now),
                stock: pile.stock,
                kind,
                owner: note.to_owned(),
                line: None,
                on_hand: change,
                reserved: 0,
            });
        }
    }
    tx.move_stock(tenant, &journal, now).await?;
    let events: Vec<Event> = skus
        .iter()
        .map(|sku| {
            let payload = json!({ "counting": counting.to_string() });
            Event::new(shop.mint_id(now), EventName::StockCounted, sku, caller, now, payload)
        })
        .collect();
    Ok(tx.record(tenant, &events).await?)
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum StockError {
    #[error("there is no SKU {sku}")]
    UnknownSku { sku: SkuId },
    #[error("there is no such warehouse")]
    UnknownWarehouse,
    #[error("there is no such activity, or it is over")]
    UnknownActivity,
    #[error("the quantity is zero; give at least 1")]
    NothingCounted,
    #[error("only {left} are available")]
    Insufficient { left: i64 },
    #[error("{reserved} are promised to orders and cannot be counted away; cancel orders first")]
    Reserved { reserved: i64 },
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for StockError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownSku { .. } | Self::UnknownWarehouse | Self::UnknownActivity => Kind::NotFound,
            Self::NothingCounted => Kind::Invalid,
            Self::Insufficient { .. } => Kind::Exhausted,
            Self::Reserved { .. } => Kind::Conflict,
            Self::NotAllowed(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::UnknownSku { .. } => Code::UnknownSku,
            Self::UnknownWarehouse => Code::UnknownWarehouse,
            Self::UnknownActivity => Code::UnknownActivity,
            Self::NothingCounted => Code::InvalidRequest,
            Self::Insufficient { .. } | Self::Reserved { .. } => Code::InsufficientStock,
            Self::NotAllowed(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::UnknownSku { sku } => format!("没有商品 {sku}"),
            Self::UnknownWarehouse => "没有这个仓库".to_owned(),
            Self::UnknownActivity => "没有这个活动，或活动已结束".to_owned(),
            Self::NothingCounted => "数量为零，请至少填写 1".to_owned(),
            Self::Insufficient { left } => format!("可用库存只有 {left}"),
            Self::Reserved { reserved } => format!("已有 {reserved} 件被订单占用，不能盘减，请先取消订单"),
            Self::NotAllowed(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

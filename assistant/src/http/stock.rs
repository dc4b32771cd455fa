//! Where the goods lie, how many, and how many of them are promised.

use super::Service;
use super::caller::Signed;
use super::wire::{Answer, BatchRef, DONE, Done, Json, Page, Path, PileRef, SkuRef, StockEntryRef, WarehouseRef};
use axum::extract::State;
use commerce_core::Count as Counted;
use commerce_core::catalog::id_of_code;
use commerce_core::inventory::{self, InventoryTx};
use commerce_core::store::StockLevel;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(list_warehouses, save_warehouse))
        .routes(routes!(get_stock))
        .routes(routes!(get_stock_journal))
        .routes(routes!(count_stock))
        .routes(routes!(set_aside))
}

#[derive(Serialize, ToSchema)]
struct Warehouse {
    id: WarehouseRef,
    code: String,
    name: String,
    region: String,
    /// The lower, the sooner it is asked to ship.
    rank: i64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WarehouseToSave {
    #[schema(example = "hz-1", max_length = 60)]
    code: String,
    #[schema(example = "杭州一仓", max_length = 60)]
    name: String,
    #[serde(default)]
    region: String,
    /// The lower, the sooner it is asked to ship.
    #[serde(default)]
    rank: i64,
}

/// The warehouses.
#[utoipa::path(get, path = "/warehouses", responses((status = 200, body = Page<Warehouse>)))]
async fn list_warehouses(State(service): State<Service>, Signed(caller): Signed) -> Answer<Page<Warehouse>> {
    let warehouses = service.shop.warehouses(&caller).await?.into_iter();
    let warehouse = |one: inventory::Warehouse| Warehouse {
        id: one.id.into(),
        code: one.code,
        name: one.name,
        region: one.region,
        rank: one.rank,
    };
    Ok(Json(Page::whole(warehouses.map(warehouse))))
}

/// Add or change a warehouse, by its code.
#[utoipa::path(put, path = "/warehouses", responses((status = 204)))]
async fn save_warehouse(
    State(service): State<Service>,
    Signed(caller): Signed,
    Json(one): Json<WarehouseToSave>,
) -> Done {
    let id = id_of_code(caller.tenant, &one.code);
    let WarehouseToSave { code, name, region, rank } = one;
    service.shop.save_warehouse(&caller, &inventory::Warehouse { id, code, name, region, rank }).await?;
    DONE
}

/// A SKU in a warehouse, of a batch.
#[derive(Serialize, ToSchema)]
struct Pile {
    id: PileRef,
    sku_code: String,
    warehouse_code: String,
    /// Empty for goods without batches.
    batch_code: String,
    on_hand: i64,
    /// Promised to orders, or set aside for activities.
    reserved: i64,
    available: i64,
}

impl From<StockLevel> for Pile {
    fn from(one: StockLevel) -> Self {
        Self {
            id: one.stock.into(),
            sku_code: one.sku_code,
            warehouse_code: one.warehouse_code,
            batch_code: one.batch_code,
            on_hand: one.on_hand,
            reserved: one.reserved,
            available: one.on_hand - one.reserved,
        }
    }
}

/// Where a SKU lies, and how much of it.
#[utoipa::path(get, path = "/skus/{sku}/stock", responses((status = 200, body = Page<Pile>)))]
async fn get_stock(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(sku): Path<String>,
) -> Answer<Page<Pile>> {
    let piles = service.shop.stock(&caller, sku.parse()?).await?;
    Ok(Json(Page::whole(piles.into_iter().map(Pile::from))))
}

#[derive(Serialize, ToSchema)]
struct StockEntry {
    id: StockEntryRef,
    /// `receive`, `adjust`, `ship`, `return`, …
    kind: String,
    /// The order it was for, or why stock came or went.
    owner: String,
    /// How on hand changed.
    on_hand: i64,
    reserved: i64,
}

/// What came to a pile and went from it, oldest first.
#[utoipa::path(get, path = "/stock/{pile}/journal", responses((status = 200, body = Page<StockEntry>)))]
async fn get_stock_journal(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(pile): Path<String>,
) -> Answer<Page<StockEntry>> {
    let journal = service.shop.stock_journal(&caller, pile.parse()?).await?.into_iter();
    let entry = |one: InventoryTx| StockEntry {
        id: one.id.into(),
        kind: one.kind.to_string(),
        owner: one.owner,
        on_hand: one.on_hand,
        reserved: one.reserved,
    };
    Ok(Json(Page::whole(journal.map(entry))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StockCount {
    counts: Vec<Count>,
    counting: Counting,
    #[serde(default)]
    #[schema(max_length = 200)]
    note: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Counting {
    /// So many came in beside what was there.
    Arrived,
    /// So many are there.
    AreThere,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Count {
    sku: SkuRef,
    warehouse: WarehouseRef,
    batch: Option<BatchRef>,
    #[schema(maximum = 100_000_000)]
    qty: u32,
}

/// Say what came in, or what was counted. All of it or nothing.
#[utoipa::path(post, path = "/stock/counts", responses((status = 204)))]
async fn count_stock(State(service): State<Service>, Signed(caller): Signed, Json(given): Json<StockCount>) -> Done {
    let count = |one: &Count| Counted {
        sku: one.sku.0,
        warehouse: one.warehouse.0,
        batch: one.batch.map(|batch| batch.0),
        qty: one.qty,
    };
    let counts: Vec<Counted> = given.counts.iter().map(count).collect();
    match given.counting {
        Counting::Arrived => service.shop.receive_stock(&caller, &counts, &given.note).await?,
        Counting::AreThere => service.shop.set_stock(&caller, &counts, &given.note).await?,
    }
    DONE
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Allotment {
    sku: SkuRef,
    #[schema(minimum = 1)]
    qty: u32,
}

/// Set stock aside for an activity: only its buyers get it, until it ends.
#[utoipa::path(post, path = "/activities/{activity}/stock", responses((status = 204)))]
async fn set_aside(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(activity): Path<String>,
    Json(given): Json<Allotment>,
) -> Done {
    service.shop.set_aside(&caller, activity.parse()?, given.sku.0, given.qty).await?;
    DONE
}

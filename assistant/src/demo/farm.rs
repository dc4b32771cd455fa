//! Harvests, stock and prices for the goods of the demo shop.

use super::Maker;
use crate::trouble::Trouble;
use commerce_core::Count;
use commerce_core::catalog::{Batch, Product, ProductKind, ProductStatus, Sku, id_of_code};
use commerce_core::customer::Level;
use commerce_core::inventory::WarehouseId;
use commerce_core::money::{Currency, Money, Rate, Round};
use commerce_core::pricing::{Activity, Price, PriceRule};
use commerce_core::time::{DAY, Timestamp};
use rand::RngExt;

const WATER: [&str; 4] = ["山泉水", "河水灌溉", "井水滴灌", "雨养"];
const GRADES: [&str; 3] = ["特级", "一级", "二级"];

pub(super) async fn fill_warehouses(maker: &mut Maker) -> Result<(), Trouble> {
    let products = maker.shop.store().report().await?.products(maker.staff.tenant, Currency::CNY).await?;
    let mut batches = Vec::new();
    let mut counts = Vec::new();
    for (product, skus) in &products {
        for sku in skus.iter().filter(|sku| sku.parts.is_empty()) {
            stock_sku(maker, product, sku, &mut batches, &mut counts);
        }
    }
    maker.shop.save_batches(&maker.staff, &batches).await?;
    Ok(maker.shop.receive_stock(&maker.staff, &counts, "opening stock").await?)
}

/// Farm goods come in one or two batches, creator goods without; codes and seats are counted, courses are not.
fn stock_sku(maker: &mut Maker, product: &Product, sku: &Sku, batches: &mut Vec<Batch>, counts: &mut Vec<Count>) {
    let tenant = maker.staff.tenant;
    let warehouses: Vec<WarehouseId> = ["HZ", "HRB", "CD"].iter().map(|code| id_of_code(tenant, code)).collect();
    let is_scarce = maker.random.random_bool(0.05);
    let some = |maker: &mut Maker| {
        if is_scarce { maker.random.random_range(2..9) } else { maker.random.random_range(80..400) }
    };
    match product.kind {
        ProductKind::Virtual if matches!(product.category.as_str(), "activation-code" | "live-ticket") => {
            counts.push(Count { sku: sku.id, warehouse: warehouses[0], batch: None, qty: some(maker) });
        }
        ProductKind::Virtual => {}
        ProductKind::Physical
            if product.attributes.contains_key("产地") && product.attributes.contains_key("保质期") =>
        {
            for number in 1..=maker.random.random_range(1..3) {
                let batch = harvest(maker, sku, number);
                let warehouse = warehouses[maker.random.random_range(0..warehouses.len())];
                counts.push(Count { sku: sku.id, warehouse, batch: Some(batch.id), qty: some(maker) });
                batches.push(batch);
            }
        }
        ProductKind::Physical => {
            let second = maker.random.random_bool(0.3).then_some(warehouses[2]);
            for warehouse in [Some(warehouses[0]), second].into_iter().flatten() {
                counts.push(Count { sku: sku.id, warehouse, batch: None, qty: some(maker) });
            }
        }
    }
}

fn harvest(maker: &mut Maker, sku: &Sku, number: u32) -> Batch {
    let code = format!("{}-26{number:02}", sku.code);
    // One in twenty is sold before it is brought in.
    let is_presale = number == 2 && maker.random.random_bool(0.1);
    let age_days = if is_presale { -maker.random.random_range(5..20) } else { maker.random.random_range(5..60) };
    let processed = maker.now.plus_micros(-age_days * DAY);
    let day = processed.day(8 * 60);
    Batch {
        id: id_of_code(maker.staff.tenant, &code),
        sku: sku.id,
        harvest_year: 2026,
        processing_date: format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]),
        best_before: processed.plus_micros(maker.random.random_range(120..500) * DAY),
        farmer_id: format!("FM-{:03}", maker.random.random_range(1..60)),
        farm_plot_id: format!("PLOT-{:02}-{:02}", maker.random.random_range(1..30), maker.random.random_range(1..12)),
        irrigation_source: maker.pick(&WATER).to_owned(),
        pesticide_report_id: format!("PR-2026-{:05}", maker.random.random_range(1..99_999)),
        quality_grade: maker.pick(&GRADES).to_owned(),
        inspection_report_url: format!("https://reports.example.com/{code}.pdf"),
        trace_record_id: format!("TR-{code}"),
        total_qty: maker.random.random_range(500..2_000),
        code,
    }
}

/// Channel prices for some, member prices for many, and two activities: one that runs, one to come.
pub(super) async fn set_prices(maker: &mut Maker) -> Result<(), Trouble> {
    let tenant = maker.staff.tenant;
    let (from, to) = (maker.now.plus_micros(-90 * DAY), maker.now.plus_micros(300 * DAY));
    let live = activity(maker, "LIVE-1120", "周五直播间", -1, 2);
    let seckill = activity(maker, "SECKILL-1212", "双十二秒杀", 20, 23);
    for activity in [&live, &seckill] {
        maker.shop.save_activity(&maker.staff, activity).await?;
    }
    let products = maker.shop.store().report().await?.products(tenant, Currency::CNY).await?;
    let mut prices = Vec::new();
    let mut set_aside = Vec::new();
    for (product, skus) in &products {
        let (has_channel_price, has_member_price) = (maker.random.random_bool(0.25), maker.random.random_bool(0.4));
        let in_live = product.status == ProductStatus::Active
            && product.kind == ProductKind::Physical
            && maker.random.random_bool(0.08);
        for sku in skus {
            let mut add = |rule: PriceRule, percent: u32, from: Timestamp, to: Timestamp| {
                prices.extend(price(maker, sku, rule, percent, from, to))
            };
            if has_channel_price {
                add(PriceRule::Channel("douyin".into()), 97, from, to);
            }
            if has_member_price {
                add(PriceRule::Member(Level::Gold), 95, from, to);
                add(PriceRule::Member(Level::Diamond), 92, from, to);
            }
            if in_live && sku.parts.is_empty() {
                add(PriceRule::Activity(live.id), 88, live.starts_at, live.ends_at);
                set_aside.push(sku.id);
            }
        }
    }
    maker.shop.set_prices(&maker.staff, &prices).await?;
    for sku in set_aside {
        if maker.shop.available(&maker.staff, sku).await? > 40 {
            maker.shop.set_aside(&maker.staff, live.id, sku, 20).await?;
        }
    }
    Ok(())
}

fn activity(maker: &Maker, code: &str, name: &str, starts_in_days: i64, ends_in_days: i64) -> Activity {
    Activity {
        id: id_of_code(maker.staff.tenant, code),
        code: code.into(),
        name: name.into(),
        starts_at: maker.now.plus_micros(starts_in_days * DAY),
        ends_at: maker.now.plus_micros(ends_in_days * DAY),
    }
}

/// So many percent of the list price, rounded to ten fen, where the floor allows it.
fn price(
    maker: &Maker,
    sku: &Sku,
    rule: PriceRule,
    percent: u32,
    valid_from: Timestamp,
    valid_to: Timestamp,
) -> Option<Price> {
    let exact = Rate::from_basis_points(percent * 100).of(sku.list_price, Round::HalfEven).ok()?;
    let amount = Money::from_minor(exact.minor() / 10 * 10, exact.currency());
    let is_allowed = amount.minor() >= sku.floor_price.minor();
    is_allowed.then(|| Price::new(maker.staff.tenant, sku.id, rule, amount, (valid_from, valid_to)))
}

//! `zhanggui demo-data`: a shop to try things with. The goods are files in `assistant/demo`; people, batches, prices and
//! orders are drawn from a seed, so that the same seed makes the same shop, id for id. Everything goes through the front
//! door: the same imports and use cases that a real shop uses.

mod farm;
mod life;
mod people;

use crate::place::Place;
use crate::trouble::Trouble;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use commerce_core::caller::Caller;
use commerce_core::id::Mint;
use commerce_core::import::{Format, Mode, Sheet};
use commerce_core::money::Currency;
use commerce_core::staff::StaffRole;
use commerce_core::store::Store;
use commerce_core::tenant::{Settings, Tenant};
use commerce_core::time::{Clock, MINUTE, ManualClock, Timestamp};
use commerce_core::{NewMember, Shop, TenantError};
use rand::SeedableRng;
use rand::rngs::StdRng;
use std::sync::Arc;

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    place: Place,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many customers to invite. Three of them have ordered on another platform; codes and phone numbers have four digits.
    #[arg(long, default_value_t = 300, value_parser = RangedU64ValueParser::<usize>::new().range(3..=9_999))]
    customers: usize,
    /// How many orders they placed.
    #[arg(long, default_value_t = 2_000, value_parser = RangedU64ValueParser::<usize>::new().range(..=100_000))]
    orders: usize,
    /// The moment the shop is made for; its orders go back two months from here.
    #[arg(long, default_value = "2026-11-20T12:00:00Z")]
    now: Timestamp,
}

const CATEGORIES: &str = include_str!("../../demo/categories.csv");
const FARM: &str = include_str!("../../demo/products-farm.csv");
const CREATOR: &str = include_str!("../../demo/products-creator.csv");
const WAREHOUSES: &str = "code,name,region,rank\nHZ,杭州仓,华东,1\nHRB,哈尔滨仓,东北,2\nCD,成都仓,西南,3\n";

/// Orders that another platform has just handed over and that nobody has looked at yet.
fn from_a_platform(now: Timestamp) -> String {
    let mut rows = String::from("order_no,customer_code,channel,state,created_at,sku_code,qty,unit_price\n");
    for (i, sku) in ["RICE-WUCHANG-5KG", "TEE-DAOXIAOMAN-WHITE-M", "RICE-WUCHANG-2500G"].iter().enumerate() {
        rows.push_str(&format!(
            "TB{i:010},C000{},taobao,CREATED,{},{sku},1,79.00\n",
            i + 1,
            now.plus_micros(-5 * MINUTE)
        ));
    }
    rows
}

/// What the makers of the demo share.
struct Maker {
    shop: Shop,
    staff: Caller,
    clock: Arc<ManualClock>,
    random: StdRng,
    now: Timestamp,
}

/// Who runs the demo shop.
pub(crate) const OWNER: &str = "owner";
pub(crate) const OWNER_PASSWORD: &str = "demo-owner-2026";

/// Makes the demo shop as of now, with its owner, where it is not there yet.
pub(crate) async fn make(url: &str, orders: usize) -> Result<(), Trouble> {
    Store::migrate(url).await?;
    let shop = Shop::new(Store::open(url).await?);
    match shop.tenant("demo").await {
        Ok(tenant) => must_be_whole(&tenant)?,
        Err(TenantError::Unknown) => {
            println!("Making the demo shop; this is done once.");
            run(Options { place: Place::at(url), seed: 1, customers: 300, orders, now: shop.now() }).await?;
        }
        Err(error) => return Err(error.into()),
    }
    let staff = Caller::staff(shop.tenant("demo").await?.id);
    if shop.members(&staff).await?.is_empty() {
        let new = NewMember { login: OWNER, name: "稻小满", role: StaffRole::Owner, password: OWNER_PASSWORD };
        shop.hire(&staff, new).await?;
    }
    Ok(())
}

fn must_be_whole(tenant: &Tenant) -> Result<(), Trouble> {
    // The settings are kept last.
    if tenant.settings.refund_check_over.is_some() {
        return Ok(());
    }
    Err(Trouble::say(
        "the demo shop is there by half, as an interruption left it; delete its database and begin anew, or give another place",
    ))
}

pub(crate) async fn run(options: Options) -> Result<(), Trouble> {
    let clock = Arc::new(ManualClock::at(options.now));
    let store = Store::open(options.place.url()).await?;
    let shop = Shop::with(store, clock.clone() as Arc<dyn Clock>, Mint::seeded(options.seed));
    if let Ok(tenant) = shop.tenant("demo").await {
        must_be_whole(&tenant)?;
        println!("The demo shop is there already; nothing was changed. Give another --db to make a new one.");
        return Ok(());
    }
    let tenant = shop.open_tenant("demo", "掌柜农场", Currency::CNY).await?;
    let staff = Caller::staff(tenant.id);
    let mut maker = Maker { shop, staff, clock, random: StdRng::seed_from_u64(options.seed), now: options.now };
    for (sheet, text) in [
        (Sheet::Warehouses, WAREHOUSES),
        (Sheet::Categories, CATEGORIES),
        (Sheet::Products, FARM),
        (Sheet::Products, CREATOR),
    ] {
        maker.import(sheet, text).await?;
    }
    farm::fill_warehouses(&mut maker).await?;
    farm::set_prices(&mut maker).await?;
    people::invite(&mut maker, options.customers).await?;
    life::live(&mut maker, options.orders).await?;
    maker.import(Sheet::Orders, &from_a_platform(options.now)).await?;
    let settings = Settings { refund_check_over: Some(REFUND_CHECK_OVER), ..tenant.settings };
    maker.shop.change_settings(&Caller::staff(tenant.id), settings).await?;
    report(&maker).await
}

/// Above 500.00, two people have to agree to a refund.
const REFUND_CHECK_OVER: i64 = 50_000;

impl Maker {
    async fn import(&self, sheet: Sheet, text: &str) -> Result<(), Trouble> {
        match self.shop.import(&self.staff, sheet, Format::Csv, text.as_bytes(), Mode::Whole).await {
            Ok(_) => Ok(()),
            Err(commerce_core::import::ImportError::Rejected(report)) => {
                Err(Trouble::say(format!("{sheet}: {:?}", report.bad.first())))
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn report(maker: &Maker) -> Result<(), Trouble> {
    let tenant = maker.staff.tenant;
    let mut conn = maker.shop.store().report().await?;
    let products = conn.products(tenant, Currency::CNY).await?;
    let skus: usize = products.iter().map(|(_, skus)| skus.len()).sum();
    let customers = conn.customers(tenant).await?.len();
    let mut states = conn.order_counts(tenant).await?;
    states.sort_by_key(|(state, ..)| state.to_string());
    let orders: i64 = states.iter().map(|(_, count, _)| count).sum();
    println!("掌柜农场: {} products, {skus} SKUs, {customers} customers, {orders} orders.", products.len());
    for (state, count, _) in states {
        println!("  {count:>5} {state}");
    }
    Ok(())
}

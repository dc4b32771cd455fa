//! Two months in the life of the shop: orders placed one after the other, each lived to where it stands now.

use super::Maker;
use crate::trouble::Trouble;
use commerce_core::after_sale::{CaseKind, Reason};
use commerce_core::caller::Caller;
use commerce_core::catalog::{ProductKind, ProductStatus, SkuId};
use commerce_core::customer::{Address, CustomerId};
use commerce_core::money::Currency;
use commerce_core::order::{Act, Invoice, OrderId};
use commerce_core::time::{DAY, HOUR, MINUTE, Timestamp};
use commerce_core::{CaseRequest, Item, OrderRequest, PlaceError, Shipment};
use rand::RngExt;
use std::collections::HashMap;

const CHANNELS: [&str; 6] = ["wechat", "wechat", "h5", "douyin", "taobao", "xiaohongshu"];
const REMARKS: [&str; 6] = [
    "请放驿站",
    "发货前请电话联系",
    "送长辈的，麻烦包装好一点",
    "周末再送",
    "不要放丰巢柜，谢谢",
    "开发票，抬头见下单信息",
];
const REASONS: [&str; 5] = ["不想要了", "地址填错了", "买多了", "想换个规格", "价格更低了再买"];
const CARRIERS: [&str; 4] = ["顺丰速运", "中通快递", "圆通速递", "韵达快递"];

/// How far an order gets.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Fate {
    Waiting,
    TimedOut,
    CanceledUnpaid,
    CanceledPaid,
    Paid,
    Allocated,
    Picked,
    Packed,
    PartlyShipped,
    Shipped,
    InTransit,
    Delivered,
    Confirmed,
    Completed,
    AfterSale,
    PartlyRefunded,
}

/// Per thousand orders.
const FATES: [(Fate, u32); 16] = [
    (Fate::Completed, 400),
    (Fate::Confirmed, 80),
    (Fate::Delivered, 90),
    (Fate::InTransit, 70),
    (Fate::Shipped, 50),
    (Fate::TimedOut, 70),
    (Fate::CanceledUnpaid, 40),
    (Fate::CanceledPaid, 30),
    (Fate::Waiting, 25),
    (Fate::Paid, 30),
    (Fate::Allocated, 25),
    (Fate::Picked, 20),
    (Fate::Packed, 20),
    (Fate::PartlyShipped, 10),
    (Fate::AfterSale, 20),
    (Fate::PartlyRefunded, 20),
];

struct Goods {
    sku: SkuId,
    kind: ProductKind,
    weight: u32,
}

pub(super) async fn live(maker: &mut Maker, count: usize) -> Result<(), Trouble> {
    let tenant = maker.staff.tenant;
    let mut conn = maker.shop.store().report().await?;
    let products = conn.products(tenant, Currency::CNY).await?;
    let mut addresses: HashMap<CustomerId, Vec<Address>> = HashMap::new();
    for address in conn.addresses(tenant, None).await? {
        addresses.entry(address.customer).or_default().push(address);
    }
    let mut customers: Vec<CustomerId> = addresses.keys().copied().collect();
    customers.sort_unstable();
    drop(conn);
    let goods: Vec<Goods> = products
        .iter()
        .filter(|(product, _)| product.status == ProductStatus::Active)
        .flat_map(|(product, skus)| {
            skus.iter().map(|sku| Goods { sku: sku.id, kind: product.kind, weight: sku.weight_g })
        })
        .collect();
    for number in 0..count {
        let fate = maker.fate(number, count);
        let customer = customers[maker.random.random_range(0..customers.len())];
        let placed_at = maker.moment_for(fate, number, count);
        maker.clock.set(placed_at);
        let caller = Caller::shopper(tenant, customer);
        loop {
            let request = maker.request(&goods, &addresses[&customer], fate);
            match maker.shop.place_order(&caller, customer, &format!("demo-order-{number:06}"), request).await {
                Ok(placed) => break lead(maker, &caller, placed.order, fate, placed_at).await?,
                // Sold out: the customer looks for something else.
                Err(PlaceError::InsufficientStock { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        if (number + 1) % 500 == 0 {
            println!("{} of {count} orders", number + 1);
        }
    }
    maker.clock.set(maker.now);
    maker.shop.propose(&maker.staff).await?;
    maker.shop.sweep(&Caller::system(tenant)).await?;
    Ok(())
}

impl Maker {
    fn fate(&mut self, number: usize, count: usize) -> Fate {
        // One of each first, so that even a small shop has every state.
        if let Some((fate, _)) = FATES.get(number).filter(|_| count >= FATES.len()) {
            return *fate;
        }
        let mut left = self.random.random_range(0..FATES.iter().map(|(_, weight)| weight).sum());
        for (fate, weight) in FATES {
            if left < weight {
                return fate;
            }
            left -= weight;
        }
        Fate::Completed
    }

    /// Long ago for what is over, just now for what still waits.
    fn moment_for(&mut self, fate: Fate, number: usize, count: usize) -> Timestamp {
        let share = i64::try_from(number).unwrap_or(0) * DAY * 50 / i64::try_from(count.max(1)).unwrap_or(1);
        let ago = match fate {
            Fate::Waiting => self.random.random_range(1..12) * MINUTE,
            Fate::Paid | Fate::Allocated | Fate::Picked | Fate::Packed => self.random.random_range(1..30) * HOUR,
            Fate::PartlyShipped | Fate::Shipped | Fate::InTransit => self.random.random_range(30..96) * HOUR,
            Fate::Delivered | Fate::AfterSale | Fate::PartlyRefunded => self.random.random_range(5..12) * DAY,
            Fate::TimedOut | Fate::CanceledUnpaid | Fate::CanceledPaid | Fate::Confirmed | Fate::Completed => {
                62 * DAY - share + self.random.random_range(0..DAY)
            }
        };
        self.now.plus_micros(-ago - self.random.random_range(0..MINUTE))
    }

    fn request(&mut self, goods: &[Goods], addresses: &[Address], fate: Fate) -> OrderRequest {
        // What is still on its way has to be something that travels.
        let must_ship = !matches!(
            fate,
            Fate::Waiting | Fate::TimedOut | Fate::CanceledUnpaid | Fate::Delivered | Fate::Confirmed | Fate::Completed
        );
        let wanted = if fate == Fate::PartlyShipped { 12 } else { *self.pick(&[&1, &1, &1, &2, &2, &3, &4]) };
        let mut items: Vec<Item> = Vec::new();
        while items.len() < wanted {
            let one = &goods[self.random.random_range(0..goods.len())];
            let fits = one.kind == ProductKind::Physical || (!must_ship && items.is_empty() && wanted == 1);
            if fits && !items.iter().any(|item| item.sku == one.sku) {
                let most = if one.weight > 4_000 { 2 } else { 4 };
                items.push(Item::of(one.sku, self.random.random_range(1..=most)));
            }
        }
        let title = addresses[0].destination.recipient.clone();
        OrderRequest {
            items,
            address: Some(addresses[self.random.random_range(0..addresses.len())].id),
            channel: self.pick(&CHANNELS).to_owned(),
            invoice: self.random.random_bool(0.1).then(|| Invoice {
                title,
                tax_id: String::new(),
                email: "invoice@example.com".into(),
            }),
            remark: if self.random.random_bool(0.15) { self.pick(&REMARKS).to_owned() } else { String::new() },
            ..OrderRequest::default()
        }
    }

    fn later(&mut self, moment: &mut Timestamp, least: i64, most: i64) {
        *moment = moment.plus_micros(self.random.random_range(least..most));
        // The present is the end of the story.
        if moment.micros() > self.now.micros() {
            *moment = self.now;
        }
        self.clock.set(*moment);
    }
}

/// Leads an order through its life up to its fate.
async fn lead(maker: &mut Maker, buyer: &Caller, id: OrderId, fate: Fate, placed_at: Timestamp) -> Result<(), Trouble> {
    let system = Caller::system(maker.staff.tenant);
    let mut moment = placed_at;
    match fate {
        Fate::Waiting => return Ok(()),
        Fate::TimedOut => {
            maker.later(&mut moment, 31 * MINUTE, 40 * MINUTE);
            maker.shop.sweep(&system).await?;
            return Ok(());
        }
        Fate::CanceledUnpaid => {
            maker.later(&mut moment, MINUTE, 14 * MINUTE);
            let reason = maker.pick(&REASONS);
            maker.shop.cancel_order(buyer, id, reason).await?;
            return Ok(());
        }
        _ => {}
    }
    maker.later(&mut moment, MINUTE / 4, 10 * MINUTE);
    let paid = maker.shop.confirm_paid(&system, id).await?;
    if fate == Fate::CanceledPaid {
        maker.later(&mut moment, MINUTE, 50 * MINUTE);
        let reason = maker.pick(&REASONS);
        maker.shop.cancel_order(buyer, id, reason).await?;
        return Ok(());
    }
    if paid.state == commerce_core::order::State::Paid && fate > Fate::Paid {
        ship(maker, id, fate, &mut moment).await?;
    }
    receive(maker, buyer, id, fate, &mut moment).await
}

async fn ship(maker: &mut Maker, id: OrderId, fate: Fate, moment: &mut Timestamp) -> Result<(), Trouble> {
    let staff = maker.staff.clone();
    maker.later(moment, 10 * MINUTE, 2 * HOUR);
    maker.shop.allocate_order(&staff, id).await?;
    for (act, reached) in [(Act::Pick, Fate::Picked), (Act::Pack, Fate::Packed)] {
        if fate >= reached {
            maker.later(moment, 10 * MINUTE, 3 * HOUR);
            maker.shop.move_order(&staff, id, act).await?;
        }
    }
    if fate < Fate::PartlyShipped {
        return Ok(());
    }
    let parcels = maker.shop.parcels(&staff, id).await?;
    let leaving = if fate == Fate::PartlyShipped { parcels.len().saturating_sub(1).max(1) } else { parcels.len() };
    for parcel in &parcels[..leaving] {
        maker.later(moment, HOUR, 5 * HOUR);
        let tracking_no = format!("ZG{:012}", maker.random.random_range(0..1_000_000_000_000_i64));
        let shipment = Shipment { carrier: maker.pick(&CARRIERS).to_owned(), tracking_no };
        maker.shop.ship_parcel(&staff, parcel.id, &shipment).await?;
    }
    if fate >= Fate::InTransit {
        maker.later(moment, HOUR, 8 * HOUR);
        maker.shop.move_order(&staff, id, Act::Move).await?;
    }
    if fate >= Fate::Delivered {
        for parcel in &parcels {
            maker.later(moment, 20 * HOUR, 40 * HOUR);
            maker.shop.deliver_parcel(&staff, parcel.id).await?;
        }
    }
    Ok(())
}

async fn receive(
    maker: &mut Maker,
    buyer: &Caller,
    id: OrderId,
    fate: Fate,
    moment: &mut Timestamp,
) -> Result<(), Trouble> {
    let staff = maker.staff.clone();
    let acts: &[Act] = match fate {
        Fate::Confirmed => &[Act::Confirm],
        Fate::Completed => &[Act::Confirm, Act::Complete],
        Fate::AfterSale => &[Act::OpenAfterSale],
        Fate::PartlyRefunded => return give_back_some(maker, buyer, id, moment).await,
        _ => &[],
    };
    for act in acts {
        maker.later(moment, 2 * HOUR, 60 * HOUR);
        let caller = if matches!(act, Act::Confirm | Act::OpenAfterSale) { buyer } else { &staff };
        maker.shop.move_order(caller, id, *act).await?;
    }
    Ok(())
}

/// One piece was spoiled; the shop gives its price back.
async fn give_back_some(maker: &mut Maker, buyer: &Caller, id: OrderId, moment: &mut Timestamp) -> Result<(), Trouble> {
    maker.later(moment, 2 * HOUR, 60 * HOUR);
    let line = maker.shop.order(buyer, id).await?.1[0].id;
    let request = CaseRequest {
        kind: CaseKind::Refund,
        items: vec![(line, 1)],
        exchange_to: None,
        reason: Reason::Spoiled,
        note: "收到时有一件已经坏了".to_owned(),
    };
    for case in maker.shop.apply_after_sale(buyer, id, &request).await? {
        maker.later(moment, HOUR, 20 * HOUR);
        maker.shop.approve_case(&maker.staff, case.id, "已核实，退款").await?;
    }
    Ok(())
}

//! From a request to a decided order: what it contains, what it costs, where it is taken from. The preview and the order
//! itself are decided by the same [`decide`], so one cannot differ from the other.

use super::{Desk, Shop};
use crate::caller::Caller;
use crate::catalog::{BatchId, ProductKind, SkuId};
use crate::checkout::{Offer, PricedLine, Share, Totals, total_up};
use crate::customer::{AddressId, CustomerId, Destination, Level};
use crate::error::{Code, Failure, Kind};
use crate::inventory::{Shelf, Take, Want};
use crate::money::{Money, MoneyError};
use crate::order::{Invoice, Line, LineId, OrderId};
use crate::pricing::{ActivityId, Buyer, PriceError, quote};
use crate::store::{Ask, StoreError};
use crate::tenant::Settings;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a shopper wants to order.
#[derive(Clone, Debug, Default)]
pub struct OrderRequest {
    pub items: Vec<Item>,
    /// Needed as soon as one item has to be shipped.
    pub address: Option<AddressId>,
    pub channel: String,
    pub coupons: Vec<String>,
    pub invoice: Option<Invoice>,
    pub remark: String,
    pub metadata: BTreeMap<String, String>,
    /// The total the shopper was shown; if it is given and differs, nothing is ordered.
    pub expected_total: Option<Money>,
}

#[derive(Clone, Debug)]
pub struct Item {
    pub sku: SkuId,
    pub qty: u32,
    pub batch: Option<BatchId>,
    /// The activity (seckill, live room) through which the shopper came to this item.
    pub activity: Option<ActivityId>,
    /// The unit price the shopper was shown.
    pub price_snapshot: Option<Money>,
}

impl Item {
    pub fn of(sku: SkuId, qty: u32) -> Self {
        Self { sku, qty, batch: None, activity: None, price_snapshot: None }
    }
}

/// What an order would be if it were placed now.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    pub lines: Vec<PricedLine>,
    pub totals: Totals,
}

const MOST_LINES: usize = 100;
const MOST_OF_ONE: u32 = 9_999;
const LONGEST_TEXT: usize = 500;
const MOST_METADATA: usize = 20;

impl OrderRequest {
    /// What can be seen to be wrong without asking the database.
    pub(super) fn check(&self) -> Result<(), RequestFault> {
        if self.items.is_empty() {
            return Err(RequestFault::NoItems);
        }
        if self.items.len() > MOST_LINES {
            return Err(RequestFault::TooManyLines { most: MOST_LINES });
        }
        if self.items.iter().any(|item| item.qty == 0 || item.qty > MOST_OF_ONE) {
            return Err(RequestFault::Quantity { most: MOST_OF_ONE });
        }
        let mut seen = BTreeSet::new();
        if !self.items.iter().all(|item| seen.insert((item.sku, item.batch, item.activity))) {
            return Err(RequestFault::SameItemTwice);
        }
        self.check_texts()?;
        if self.channel.is_empty() {
            return Err(RequestFault::NoChannel);
        }
        Ok(())
    }
}

impl OrderRequest {
    fn check_texts(&self) -> Result<(), RequestFault> {
        let invoice = self.invoice.iter().flat_map(|invoice| [&invoice.title, &invoice.tax_id, &invoice.email]);
        let metadata = self.metadata.iter().flat_map(|(key, value)| [key, value]);
        let texts: Vec<&String> = [&self.remark, &self.channel].into_iter().chain(invoice).chain(metadata).collect();
        if texts.iter().any(|text| text.chars().any(|c| c.is_control() && c != '\n')) {
            return Err(RequestFault::ControlCharacters);
        }
        let is_long = texts.iter().any(|text| text.chars().count() > LONGEST_TEXT);
        if is_long || self.channel.len() > 40 || self.metadata.len() > MOST_METADATA {
            return Err(RequestFault::TooLong);
        }
        Ok(())
    }
}

/// Everything that is known when an order is decided.
pub(super) struct Situation<'a> {
    pub(super) settings: &'a Settings,
    pub(super) currency: crate::money::Currency,
    pub(super) level: Level,
    pub(super) destination: Option<&'a Destination>,
    pub(super) offers: &'a HashMap<SkuId, Offer>,
    pub(super) now: Timestamp,
}

/// An order as it was decided, before anything is written.
pub(super) struct Decided {
    pub(super) lines: Vec<Line>,
    pub(super) priced: Vec<PricedLine>,
    pub(super) totals: Totals,
    pub(super) takes: Vec<Take>,
}

/// Decides an order: price every line, sum up, take the goods from the shelf. Refused, it leaves the shelf as it was.
pub(super) fn decide(
    request: &OrderRequest,
    situation: &Situation<'_>,
    shelf: &mut Shelf,
    order: OrderId,
    mut line_id: impl FnMut() -> LineId,
) -> Result<Decided, PlaceError> {
    if let Some(coupon) = request.coupons.first() {
        return Err(PlaceError::UnknownCoupon { coupon: coupon.chars().take(40).collect() });
    }
    let priced =
        request.items.iter().map(|item| price_item(item, request, situation)).collect::<Result<Vec<_>, _>>()?;
    let ships = priced.iter().any(|line| line.kind == ProductKind::Physical);
    if ships && situation.destination.is_none() {
        return Err(PlaceError::AddressNeeded);
    }
    let province = situation.destination.map_or("", |to| to.province.as_str());
    let shares: Vec<Share> = priced.iter().map(PricedLine::share).collect();
    let totals = total_up(&shares, province, situation.currency, &situation.settings.freight, &situation.settings.tax)?;
    if let Some(was) = request.expected_total.filter(|was| *was != totals.total) {
        return Err(PlaceError::TotalChanged { was, now: totals.total });
    }
    let lines: Vec<Line> = (0..).zip(&priced).map(|(i, line)| Line::new(line_id(), order, i, line)).collect();
    let wants: Vec<Want> = lines.iter().map(|line| want(line, shelf)).collect();
    let takes = shelf.allocate(&wants, situation.now).map_err(|short| {
        let offer = situation.offers.get(&short.sku);
        PlaceError::InsufficientStock {
            sku: short.sku,
            title: offer.map_or_else(String::new, |o| o.title.clone()),
            left: short.left,
        }
    })?;
    Ok(Decided { lines, priced, totals, takes })
}

/// What a line needs from the shelf.
pub(super) fn want(line: &Line, shelf: &Shelf) -> Want {
    let is_counted = line.kind == ProductKind::Physical || shelf.has_piles(line.sku);
    Want { line: line.id, sku: line.sku, qty: line.qty, batch: line.batch, activity: line.activity, is_counted }
}

fn price_item(item: &Item, request: &OrderRequest, situation: &Situation<'_>) -> Result<PricedLine, PlaceError> {
    let offer = situation.offers.get(&item.sku).ok_or(PlaceError::UnknownSku { sku: item.sku })?;
    if !offer.is_on_sale {
        return Err(PlaceError::ProductClosed { title: offer.title.clone() });
    }
    let buyer = Buyer { level: situation.level, channel: request.channel.clone() };
    let quote = quote(offer.list_price, offer.floor_price, &offer.prices, &buyer, item.activity, situation.now)?;
    if let Some(was) = item.price_snapshot.filter(|was| *was != quote.unit) {
        return Err(PlaceError::PriceChanged { sku_code: offer.sku_code.clone(), was, now: quote.unit });
    }
    let line = PricedLine::new(offer, item.qty, quote, &situation.settings.tax)?;
    Ok(PricedLine { activity: item.activity, batch: item.batch, ..line })
}

impl Shop {
    /// What the order would cost now, and whether it could be had. Writes nothing.
    pub async fn preview(
        &self,
        caller: &Caller,
        customer: CustomerId,
        request: &OrderRequest,
    ) -> Result<Preview, PlaceError> {
        request.check()?;
        caller_may_buy_for(caller, customer)?;
        let desk: &Desk = &self.desk;
        let now = desk.now();
        let mut conn = desk.store.read().await?;
        let ask = Ask { customer, address: request.address, scope: "", key: "" };
        let opened = conn.open_orders(caller.tenant, &[ask]).await?.pop().ok_or(PlaceError::UnknownTenant)?;
        if request.address.is_some() && opened.destination.is_none() {
            return Err(PlaceError::UnknownAddress);
        }
        let skus: BTreeSet<SkuId> = request.items.iter().map(|item| item.sku).collect();
        let offers = conn.offers(caller.tenant, opened.currency, &skus, now).await?;
        let mut shelf = conn.shelf(caller.tenant, &skus).await?;
        let situation = Situation {
            settings: &opened.settings,
            currency: opened.currency,
            level: opened.level.ok_or(PlaceError::UnknownCustomer)?,
            destination: opened.destination.as_ref(),
            offers: &offers,
            now,
        };
        let decided = decide(request, &situation, &mut shelf, desk.id(now), || desk.id(now))?;
        Ok(Preview { lines: decided.priced, totals: decided.totals })
    }
}

/// A shopper buys for themselves; staff and system may order for anybody.
pub(super) fn caller_may_buy_for(caller: &Caller, customer: CustomerId) -> Result<(), PlaceError> {
    match caller.owner() {
        Some(owner) if owner != customer => Err(PlaceError::UnknownCustomer),
        _ => Ok(()),
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestFault {
    #[error("the order has no items; add at least one")]
    NoItems,
    #[error("an order has at most {most} lines; place two orders")]
    TooManyLines { most: usize },
    #[error("a quantity is a whole number from 1 to {most}")]
    Quantity { most: u32 },
    #[error("the same item is listed twice; add up its quantity")]
    SameItemTwice,
    #[error("remark, invoice, metadata or channel is too long; shorten it")]
    TooLong,
    #[error("a text contains control characters; remove them")]
    ControlCharacters,
    #[error("the channel is missing; say where the order comes from, such as h5 or wechat")]
    NoChannel,
}

impl RequestFault {
    fn zh(&self) -> String {
        match self {
            Self::NoItems => "订单没有商品，请至少添加一件".to_owned(),
            Self::TooManyLines { most } => format!("一个订单最多 {most} 行，请分开下单"),
            Self::Quantity { most } => format!("数量必须是 1 到 {most} 之间的整数"),
            Self::SameItemTwice => "同一商品出现了两次，请合并数量".to_owned(),
            Self::TooLong => "备注、发票、附加信息或渠道过长，请缩短".to_owned(),
            Self::ControlCharacters => "文本中含有控制字符，请删除".to_owned(),
            Self::NoChannel => "缺少渠道，请注明订单来源，例如 h5 或 wechat".to_owned(),
        }
    }
}

/// Why nothing was ordered.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PlaceError {
    #[error(transparent)]
    Invalid(#[from] RequestFault),
    #[error("the idempotency key {reason}; use a new key for a new order")]
    InvalidIdempotencyKey { reason: &'static str },
    #[error("there is no such shop")]
    UnknownTenant,
    #[error("there is no such customer")]
    UnknownCustomer,
    #[error("the customer has no such address; choose one from the address book")]
    UnknownAddress,
    #[error("the order has to be shipped; choose an address")]
    AddressNeeded,
    #[error("there is no SKU {sku}; it may have been removed, look at the goods again")]
    UnknownSku { sku: SkuId },
    #[error("{title} is not on sale at the moment")]
    ProductClosed { title: String },
    #[error("only {left} of {title} ({sku}) can be had; order less or choose something else")]
    InsufficientStock { sku: SkuId, title: String, left: i64 },
    #[error("the price of {sku_code} is {now}, not {was}; confirm the new price")]
    PriceChanged { sku_code: String, was: Money, now: Money },
    #[error("the order costs {now}, not {was}; confirm the new total")]
    TotalChanged { was: Money, now: Money },
    #[error("there is no coupon {coupon}")]
    UnknownCoupon { coupon: String },
    #[error(transparent)]
    Price(#[from] PriceError),
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for PlaceError {
    fn kind(&self) -> Kind {
        match self {
            Self::Invalid(_) | Self::AddressNeeded => Kind::Invalid,
            Self::InvalidIdempotencyKey { .. }
            | Self::ProductClosed { .. }
            | Self::PriceChanged { .. }
            | Self::TotalChanged { .. } => Kind::Conflict,
            Self::UnknownTenant
            | Self::UnknownCustomer
            | Self::UnknownAddress
            | Self::UnknownSku { .. }
            | Self::UnknownCoupon { .. } => Kind::NotFound,
            Self::InsufficientStock { .. } => Kind::Exhausted,
            Self::Price(error) => error.kind(),
            Self::Money(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidRequest,
            Self::InvalidIdempotencyKey { .. } => Code::InvalidIdempotencyKey,
            Self::UnknownTenant => Code::UnknownTenant,
            Self::UnknownCustomer => Code::UnknownCustomer,
            Self::UnknownAddress | Self::AddressNeeded => Code::UnknownAddress,
            Self::UnknownSku { .. } => Code::UnknownSku,
            Self::ProductClosed { .. } => Code::ProductClosed,
            Self::InsufficientStock { .. } => Code::InsufficientStock,
            Self::PriceChanged { .. } => Code::PriceChanged,
            Self::TotalChanged { .. } => Code::TotalChanged,
            Self::UnknownCoupon { .. } => Code::UnknownCoupon,
            Self::Price(error) => error.code(),
            Self::Money(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::Invalid(fault) => fault.zh(),
            Self::InvalidIdempotencyKey { .. } => "幂等键无效或已用于另一个请求，请为新订单使用新的幂等键".to_owned(),
            Self::UnknownTenant => "没有这个店铺".to_owned(),
            Self::UnknownCustomer => "没有这个顾客".to_owned(),
            Self::UnknownAddress => "没有这个收货地址，请从地址簿中选择".to_owned(),
            Self::AddressNeeded => "订单需要配送，请选择收货地址".to_owned(),
            Self::UnknownSku { sku } => format!("没有商品 {sku}，可能已下架，请刷新后再试"),
            Self::ProductClosed { title } => format!("{title} 暂未在售"),
            Self::InsufficientStock { title, left, .. } => {
                format!("{title} 库存不足，仅剩 {left} 件，请减少数量或选择其他商品")
            }
            Self::PriceChanged { sku_code, was, now } => {
                format!("{sku_code} 的价格已由 {was} 变为 {now}，请确认新价格")
            }
            Self::TotalChanged { was, now } => format!("订单金额已由 {was} 变为 {now}，请确认新金额"),
            Self::UnknownCoupon { coupon } => format!("没有优惠券 {coupon}"),
            Self::Price(error) => error.zh(),
            Self::Money(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

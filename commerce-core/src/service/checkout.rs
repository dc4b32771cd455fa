//! From a request to a decided order: what it contains, what it costs, where it is taken from. The preview and the order
//! itself are decided by the same [`decide`], so one cannot differ from the other.

use super::{Desk, Shop};
use crate::caller::{Caller, NotAllowed};
use crate::catalog::{BatchId, ProductKind, SkuId, id_of_code};
use crate::checkout::{Offer, PricedLine, Share, Totals, total_up};
use crate::customer::{AddressId, CustomerId, Destination, Level};
use crate::error::{Code, Failure, Kind};
use crate::inventory::{Shelf, Take, Want};
use crate::money::{Currency, Money, MoneyError};
use crate::order::{Discount, Invoice, Line, LineId, OrderId};
use crate::permission::Permission;
use crate::pricing::{ActivityId, Buyer, PriceError, quote};
use crate::rules::{
    self, Basket, BasketLine, Considered, Coupon, CouponState, FirstOrder, FreightRelief, PresentedCoupon, Scope,
    Verdict,
};
use crate::store::{Ask, Rulebook, StoreError};
use crate::tenant::{Settings, TenantId};
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
    pub discounts: Vec<Discount>,
    /// Every rule that was looked at, and why it did what it did.
    pub considered: Vec<Considered>,
}

const MOST_LINES: usize = 100;
const MOST_OF_ONE: u32 = 9_999;
const LONGEST_TEXT: usize = 500;
const MOST_METADATA: usize = 20;
const MOST_COUPONS: usize = 10;

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
        if self.coupons.len() > MOST_COUPONS || self.coupons.iter().any(|code| code.len() > 64) {
            return Err(RequestFault::TooManyCoupons { most: MOST_COUPONS });
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
    pub(super) tenant: TenantId,
    pub(super) customer: CustomerId,
    pub(super) settings: &'a Settings,
    pub(super) currency: Currency,
    pub(super) level: Level,
    pub(super) tags: &'a [String],
    pub(super) is_first_order: FirstOrder,
    pub(super) destination: Option<&'a Destination>,
    pub(super) offers: &'a HashMap<SkuId, Offer>,
    pub(super) book: &'a Rulebook,
    pub(super) now: Timestamp,
}

/// An order as it was decided, before anything is written.
pub(super) struct Decided {
    pub(super) lines: Vec<Line>,
    pub(super) priced: Vec<PricedLine>,
    pub(super) totals: Totals,
    pub(super) takes: Vec<Take>,
    pub(super) discounts: Vec<Discount>,
    /// What became of every rule.
    pub(super) considered: Vec<Considered>,
}

/// Decides an order: price every line, let the rules take off what they take, sum up, take the goods from the shelf. Refused, it leaves the shelf as it was.
pub(super) fn decide(
    request: &OrderRequest,
    situation: &Situation<'_>,
    shelf: &mut Shelf,
    order: OrderId,
    mut line_id: impl FnMut() -> LineId,
) -> Result<Decided, PlaceError> {
    let priced =
        request.items.iter().map(|item| price_item(item, request, situation)).collect::<Result<Vec<_>, _>>()?;
    let (priced, outcome) = discount(priced, request, situation)?;
    let discounts = discounts_of(&outcome, situation.currency);
    let ships = priced.iter().any(|line| line.kind == ProductKind::Physical);
    if ships && situation.destination.is_none() {
        return Err(PlaceError::AddressNeeded);
    }
    let province = situation.destination.map_or("", |to| to.province.as_str());
    let shares: Vec<Share> = priced.iter().map(PricedLine::share).collect();
    let (freight, tax) = (&situation.settings.freight, &situation.settings.tax);
    let totals_by = |relief| total_up(&shares, province, situation.currency, freight, relief, tax);
    let totals = totals_by(outcome.freight)?;
    let frees = |one: &&Considered| one.coupon.is_some() && one.verdict == Verdict::ShipsFree;
    if let Some(idle) = outcome.considered.iter().find(frees)
        && totals_by(FreightRelief::None)?.freight.is_zero()
    {
        let why = Considered { verdict: Verdict::NothingToShip, ..idle.clone() };
        return Err(PlaceError::CouponRefused { why: Box::new(why) });
    }
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
    Ok(Decided { lines, priced, totals, takes, discounts, considered: outcome.considered })
}

/// Lets the marketing rules at the priced lines.
fn discount(
    priced: Vec<PricedLine>,
    request: &OrderRequest,
    situation: &Situation<'_>,
) -> Result<(Vec<PricedLine>, rules::Outcome), PlaceError> {
    let coupons = presented(request, situation)?;
    let activities = activity_codes(situation);
    let line = |line: &PricedLine| -> Result<BasketLine<'_>, PlaceError> {
        let offer = situation.offers.get(&line.sku).ok_or(PlaceError::UnknownSku { sku: line.sku })?;
        Ok(BasketLine {
            sku_code: &offer.sku_code,
            product_code: &offer.product_code,
            category: &offer.category,
            activity: line.activity.and_then(|id| activities.get(&id).copied()),
            qty: line.qty,
            amount: line.amount,
            floor: offer.floor_price.times(i64::from(line.qty))?,
        })
    };
    let lines = priced.iter().map(line).collect::<Result<Vec<_>, _>>()?;
    let basket = Basket {
        lines: &lines,
        channel: &request.channel,
        level: situation.level,
        tags: situation.tags,
        is_first_order: situation.is_first_order,
        coupons: &coupons,
        currency: situation.currency,
        now: situation.now,
    };
    let outcome = rules::evaluate(&situation.book.rules, &basket)?;
    // Whoever presents a coupon wants it to count: they are told why it does not, before they pay more than they think.
    if let Some(idle) = outcome.considered.iter().find(|one| one.coupon.is_some() && !one.took_effect()) {
        return Err(PlaceError::CouponRefused { why: Box::new(idle.clone()) });
    }
    let tax = &situation.settings.tax;
    let reduced = priced.into_iter().zip(&outcome.per_line).map(|(line, off)| line.reduced(*off, tax));
    Ok((reduced.collect::<Result<_, _>>()?, outcome))
}

/// The coupons of the request, each of which this customer may use.
fn presented<'a>(
    request: &'a OrderRequest,
    situation: &'a Situation<'_>,
) -> Result<Vec<PresentedCoupon<'a>>, PlaceError> {
    let usable = |code: &'a String| {
        let is_mine = |coupon: &&Coupon| coupon.customer.is_none_or(|customer| customer == situation.customer);
        let known = situation.book.coupons.iter().filter(is_mine).find(|coupon| coupon.code == *code);
        let unknown = || PlaceError::UnknownCoupon { coupon: code.chars().take(40).collect() };
        let known = known.ok_or_else(unknown)?;
        match known.state {
            CouponState::Unused => Ok(PresentedCoupon { code, rule_id: &known.rule_id }),
            CouponState::Used => Err(PlaceError::CouponUsed { coupon: code.clone() }),
        }
    };
    request.coupons.iter().map(usable).collect()
}

/// Rules name an activity by its code, lines by its id.
fn activity_codes<'a>(situation: &Situation<'a>) -> HashMap<ActivityId, &'a str> {
    let codes = situation.book.rules.iter().filter_map(|rule| match rule.scope() {
        Scope::Activity { activity } => Some(activity.as_str()),
        _ => None,
    });
    codes.map(|code| (id_of_code(situation.tenant, code), code)).collect()
}

fn discounts_of(outcome: &rules::Outcome, currency: Currency) -> Vec<Discount> {
    let discount = |one: &Considered| {
        let (amount, freight) = match &one.verdict {
            Verdict::Fired { amount, .. } => (*amount, FreightRelief::None),
            Verdict::ShipsFree => (Money::zero(currency), FreightRelief::Free),
            _ => return None,
        };
        let (rule_id, title) = (one.rule_id.clone(), one.title.clone()?);
        Some(Discount { rule_id, title, coupon: one.coupon.clone(), amount, freight })
    };
    outcome.considered.iter().filter_map(discount).collect()
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
        let coupons: Vec<&str> = request.coupons.iter().map(String::as_str).collect();
        let book = conn.rulebook(caller.tenant, opened.currency, &coupons, now).await?;
        let situation = Situation {
            tenant: caller.tenant,
            customer,
            settings: &opened.settings,
            currency: opened.currency,
            level: opened.level.ok_or(PlaceError::UnknownCustomer)?,
            tags: &opened.tags,
            is_first_order: opened.is_first_order,
            book: &book,
            destination: opened.destination.as_ref(),
            offers: &offers,
            now,
        };
        let decided = decide(request, &situation, &mut shelf, desk.id(now), || desk.id(now))?;
        let Decided { priced: lines, totals, discounts, considered, .. } = decided;
        Ok(Preview { lines, totals, discounts, considered })
    }
}

/// A shopper buys for themselves; the shop's people may order for anybody.
pub(super) fn caller_may_buy_for(caller: &Caller, customer: CustomerId) -> Result<(), PlaceError> {
    caller.may_as_owner_or(Permission::WriteOrders)?;
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
    #[error("an order takes at most {most} coupons, each of 64 characters at most; leave some out")]
    TooManyCoupons { most: usize },
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
            Self::TooManyCoupons { most } => format!("一个订单最多使用 {most} 张优惠券，请减少"),
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
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
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
    #[error("there is no coupon {coupon}; check the code, or order without it")]
    UnknownCoupon { coupon: String },
    #[error("coupon {coupon} has been used; order without it")]
    CouponUsed { coupon: String },
    #[error("a coupon does not count here: {} Order without it", why.explain_en())]
    CouponRefused { why: Box<Considered> },
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
            | Self::TotalChanged { .. }
            | Self::CouponUsed { .. }
            | Self::CouponRefused { .. } => Kind::Conflict,
            Self::UnknownTenant
            | Self::UnknownCustomer
            | Self::UnknownAddress
            | Self::UnknownSku { .. }
            | Self::UnknownCoupon { .. } => Kind::NotFound,
            Self::InsufficientStock { .. } => Kind::Exhausted,
            Self::NotAllowed(error) => error.kind(),
            Self::Price(error) => error.kind(),
            Self::Money(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Invalid(_) => Code::InvalidRequest,
            Self::NotAllowed(error) => error.code(),
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
            Self::CouponUsed { .. } | Self::CouponRefused { .. } => Code::CouponRefused,
            Self::Price(error) => error.code(),
            Self::Money(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::Invalid(fault) => fault.zh(),
            Self::NotAllowed(error) => error.zh(),
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
            Self::UnknownCoupon { coupon } => format!("没有优惠券 {coupon}，请核对券码或不使用优惠券"),
            Self::CouponUsed { coupon } => format!("优惠券 {coupon} 已使用，请不使用它下单"),
            Self::CouponRefused { why } => format!("优惠券不可用：{}请不使用它下单", why.explain_zh()),
            Self::Price(error) => error.zh(),
            Self::Money(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

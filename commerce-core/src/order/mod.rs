//! An order: what was bought, by whom, for how much, and how far it has come.

pub mod state;

pub use state::{Act, State};

use crate::caller::{Caller, NotAllowed, Role};
use crate::catalog::{BatchId, Labels, ProductId, ProductKind, SkuId};
use crate::checkout::{PricedLine, Share, Totals};
use crate::customer::{CustomerId, Destination, mask_destination, mask_email, mask_name, mask_phone};
use crate::error::{Code, Failure, Kind};
use crate::event::EventName;
use crate::id::{Entity, Id};
use crate::ledger::LedgerError;
use crate::money::{Currency, Money, MoneyError};
use crate::payment::PaymentError;
use crate::pricing::{ActivityId, PriceError};
use crate::rules::{FreightRelief, Text};
use crate::store::StoreError;
use crate::time::Timestamp;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub id: OrderId,
    /// Date and sequence, as people say it on the phone: `202611210000042`.
    pub order_no: String,
    pub customer: CustomerId,
    pub channel: String,
    pub state: State,
    pub hold: Hold,
    pub hold_until: Timestamp,
    pub pay_until: Timestamp,
    pub currency: Currency,
    pub goods: Money,
    pub discount: Money,
    pub freight: Money,
    pub tax: Money,
    pub total: Money,
    /// What the shopper has paid, less what was given back or is on its way back.
    pub paid: Money,
    /// How much less the order costs by now, for goods that came back and the like. Below zero after an exchange for
    /// something dearer.
    pub returned: Money,
    /// Which rules made it cheaper.
    pub discounts: Vec<Discount>,
    pub weight_g: u64,
    pub destination: Destination,
    pub invoice: Option<Invoice>,
    pub remark: String,
    pub metadata: BTreeMap<String, String>,
    pub cancel_reason: String,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

pub type OrderId = Id<Order>;

impl Entity for Order {
    const PREFIX: &'static str = "ord";
}

/// Whose the stock of an order is. See `docs/states.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Hold {
    None,
    Held,
    Consumed,
    Expired,
    Released,
}

/// An invoice (发票) asked for with the order.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Invoice {
    pub title: String,
    pub tax_id: String,
    pub email: String,
}

/// What a marketing rule did for an order.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Discount {
    pub rule_id: String,
    pub title: Text,
    pub coupon: Option<String>,
    pub amount: Money,
    pub freight: FreightRelief,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub id: LineId,
    pub order: OrderId,
    pub position: u32,
    pub sku: SkuId,
    pub product: ProductId,
    pub kind: ProductKind,
    pub sku_code: String,
    pub title: String,
    pub options: Labels,
    pub qty: u32,
    pub unit_price: Money,
    /// The price rule that decided, as [`PriceRule`](crate::pricing::PriceRule) prints it.
    pub price_rule: String,
    pub amount: Money,
    pub tax: Money,
    pub weight_g: u64,
    pub activity: Option<ActivityId>,
    pub batch: Option<BatchId>,
    /// What marketing rules took off the amount.
    pub discount: Money,
    /// How many came back.
    pub returned_qty: u32,
}

pub type LineId = Id<Line>;

impl Entity for Line {
    const PREFIX: &'static str = "lin";
}

impl Line {
    pub fn new(id: LineId, order: OrderId, position: u32, priced: &PricedLine) -> Self {
        Self {
            id,
            order,
            position,
            sku: priced.sku,
            product: priced.product,
            kind: priced.kind,
            sku_code: priced.sku_code.clone(),
            title: priced.title.clone(),
            options: priced.options.clone(),
            qty: priced.qty,
            unit_price: priced.unit_price,
            price_rule: priced.rule.to_string(),
            amount: priced.amount,
            tax: priced.tax,
            weight_g: priced.weight_g,
            activity: priced.activity,
            batch: priced.batch,
            discount: priced.discount,
            returned_qty: 0,
        }
    }

    pub fn share(&self) -> Share {
        Share { kind: self.kind, amount: self.amount, discount: self.discount, tax: self.tax, weight_g: self.weight_g }
    }
}

impl Order {
    /// As this caller may see it.
    #[must_use]
    pub fn seen_by(self, caller: &Caller) -> Self {
        if caller.sees_personal_data() {
            return self;
        }
        let invoice = self.invoice.map(|invoice| Invoice {
            title: mask_name(&invoice.title),
            tax_id: mask_phone(&invoice.tax_id),
            email: mask_email(&invoice.email),
        });
        Self { destination: mask_destination(&self.destination), invoice, ..self }
    }

    /// Moves the order by the table and says what is to be announced. Asked to do what is already done, it changes
    /// nothing and says so: repeating a request is not a mistake.
    pub fn act(&mut self, act: Act, role: Role, now: Timestamp) -> Result<Step, OrderError> {
        let Some(row) = self.state.leads_by(act, role) else {
            let is_done = state::MOVES.iter().any(|row| row.act == act && row.to == self.state);
            return if is_done {
                Ok(Step::AlreadyDone)
            } else {
                Err(OrderError::IllegalMove { act, state: self.state, role })
            };
        };
        // After a change that made the order dearer, the rest is paid before anything leaves.
        let owes = self.owes()?;
        if matches!(act, Act::Allocate | Act::ShipSome | Act::Ship) && owes.minor() > 0 {
            return Err(PaymentError::Incomplete { left: owes }.into());
        }
        self.state = row.to;
        self.touch(now);
        Ok(Step::Moved(row.event))
    }

    /// Every change counts up the version, by which the store notices that two were made at once.
    pub fn touch(&mut self, now: Timestamp) {
        self.version += 1;
        self.updated_at = now;
    }

    /// Takes over new totals. Returns what the shopper owes more (above zero) or gets back (below zero).
    pub fn retotal(&mut self, totals: Totals) -> Result<Money, MoneyError> {
        let difference = totals.total.checked_sub(self.total)?;
        self.goods = totals.goods;
        self.discount = totals.discount;
        self.freight = totals.freight;
        self.tax = totals.tax;
        self.total = totals.total;
        self.weight_g = totals.weight_g;
        Ok(difference)
    }

    /// The codes of the coupons it used.
    pub fn coupons(&self) -> impl Iterator<Item = &str> {
        self.discounts.iter().filter_map(|discount| discount.coupon.as_deref())
    }

    /// Whether a rule has made it ship free.
    pub fn freight_relief(&self) -> FreightRelief {
        let is_free = self.discounts.iter().any(|discount| discount.freight == FreightRelief::Free);
        if is_free { FreightRelief::Free } else { FreightRelief::None }
    }

    /// What the order costs in the end.
    pub fn due(&self) -> Result<Money, MoneyError> {
        match self.state {
            State::Canceled => Ok(Money::zero(self.currency)),
            _ => self.total.checked_sub(self.returned),
        }
    }

    /// What is left to settle: above zero the shopper owes it, below zero the shop does.
    pub fn owes(&self) -> Result<Money, MoneyError> {
        self.due()?.checked_sub(self.paid)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Moved(EventName),
    AlreadyDone,
}

/// Why an order was not changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum OrderError {
    #[error("there is no such order")]
    NotFound,
    #[error("an order that is {state} cannot be moved by `{act}` ({role}); docs/states.md lists what it allows")]
    IllegalMove { act: Act, state: State, role: Role },
    #[error("the stock of this order was given back when its hold expired; reserve it again or refund")]
    HoldExpired,
    #[error("the change was refused by {rule}: {}", rule.reason())]
    Refused { rule: ChangeRule },
    #[error("only {left} are left of what the order needs; refund it or wait for goods")]
    InsufficientStock { left: i64 },
    #[error("there is no such case, or it is not waiting for this; look at it again")]
    CaseClosed,
    #[error("there is no such proposal that is still open; look at the list again")]
    ProposalClosed,
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Price(#[from] PriceError),
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    #[error(transparent)]
    Payment(Box<PaymentError>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PaymentError> for OrderError {
    fn from(error: PaymentError) -> Self {
        match error {
            PaymentError::Store(error) => Self::Store(error),
            PaymentError::Order(error) => *error,
            other => Self::Payment(Box::new(other)),
        }
    }
}

impl From<LedgerError> for OrderError {
    fn from(error: LedgerError) -> Self {
        PaymentError::from(error).into()
    }
}

/// The rules by which a shopper's change is refused; the name is what a reply can point to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumIter)]
#[strum(serialize_all = "kebab-case")]
pub enum ChangeRule {
    AddressOnlyBeforeShipping,
    AddressOfTheSameCustomer,
    SwapOnlyBeforePicking,
    SwapToAnotherVariant,
    SwapWithinTheProduct,
    SwapToWhatIsOnSale,
    ChangesNeedALine,
    NothingToAddress,
    AfterSaleNeedsItems,
    AfterSaleNotMoreThanBought,
    AfterSaleOnlyAfterShipping,
    ReturnOnlyAfterDelivery,
    ReturnOnlyWhatShips,
    ExchangeNeedsAVariant,
    AfterSaleByTheShop,
}

impl ChangeRule {
    pub fn reason(self) -> &'static str {
        match self {
            Self::AddressOnlyBeforeShipping => "the goods have left; ask the carrier or open an after-sale case",
            Self::AddressOfTheSameCustomer => {
                "the address belongs to somebody else; choose one from the order's own customer"
            }
            Self::SwapOnlyBeforePicking => "the goods are being packed; ask for an exchange after delivery",
            Self::SwapToAnotherVariant => "it is the same variant; choose another one",
            Self::SwapWithinTheProduct => "it is another product; cancel and order anew",
            Self::SwapToWhatIsOnSale => "that variant is not on sale; choose another one",
            Self::ChangesNeedALine => "the order has no such line; choose one of its lines",
            Self::NothingToAddress => "nothing of this order is shipped",
            Self::AfterSaleNeedsItems => "the list of items is empty; choose at least one line of the order",
            Self::AfterSaleNotMoreThanBought => {
                "more than is left of that line; some may have come back already or be under way"
            }
            Self::AfterSaleOnlyAfterShipping => "the goods have not left, or the time for it is over; cancel instead",
            Self::ReturnOnlyAfterDelivery => "the goods have not arrived yet; apply once they have",
            Self::ReturnOnlyWhatShips => "virtual goods cannot be sent back; ask for a refund",
            Self::ExchangeNeedsAVariant => "an exchange names the variant wanted instead; choose one",
            Self::AfterSaleByTheShop => "a compensation is offered by the shop; ask for a refund or complain",
        }
    }

    pub fn reason_zh(self) -> &'static str {
        match self {
            Self::AddressOnlyBeforeShipping => "商品已发出，请联系承运商或申请售后",
            Self::AddressOfTheSameCustomer => "该地址不属于下单人，请选择下单人自己的地址",
            Self::SwapOnlyBeforePicking => "商品已在拣货打包，请收货后申请换货",
            Self::SwapToAnotherVariant => "与原规格相同，请选择其他规格",
            Self::SwapWithinTheProduct => "不是同一商品的规格，请取消后重新下单",
            Self::SwapToWhatIsOnSale => "该规格未在售，请选择其他规格",
            Self::ChangesNeedALine => "订单中没有这一行，请从订单明细中选择",
            Self::NothingToAddress => "该订单没有需要配送的商品",
            Self::AfterSaleNeedsItems => "商品列表为空，请至少选择订单中的一行",
            Self::AfterSaleNotMoreThanBought => "超出该行可申请的数量，部分可能已退回或正在处理",
            Self::AfterSaleOnlyAfterShipping => "商品尚未发出，或已超过售后期限，请改为取消订单",
            Self::ReturnOnlyAfterDelivery => "商品尚未送达，请收货后再申请",
            Self::ReturnOnlyWhatShips => "虚拟商品无法退回，请申请退款",
            Self::ExchangeNeedsAVariant => "换货需要选择要换成的规格",
            Self::AfterSaleByTheShop => "补偿由店铺发起，请申请退款或投诉",
        }
    }
}

impl Failure for OrderError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotFound => Kind::NotFound,
            Self::IllegalMove { .. }
            | Self::HoldExpired
            | Self::Refused { .. }
            | Self::ProposalClosed
            | Self::CaseClosed => Kind::Conflict,
            Self::InsufficientStock { .. } => Kind::Exhausted,
            Self::Money(error) => error.kind(),
            Self::Price(error) => error.kind(),
            Self::NotAllowed(error) => error.kind(),
            Self::Payment(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::NotFound => Code::OrderNotFound,
            Self::IllegalMove { .. } => Code::IllegalMove,
            Self::HoldExpired => Code::HoldExpired,
            Self::Refused { .. } => Code::ChangeRefused,
            Self::InsufficientStock { .. } => Code::InsufficientStock,
            Self::ProposalClosed => Code::ProposalClosed,
            Self::CaseClosed => Code::CaseClosed,
            Self::Money(error) => error.code(),
            Self::Price(error) => error.code(),
            Self::NotAllowed(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::NotFound => "没有找到该订单".to_owned(),
            Self::IllegalMove { act, state, .. } => format!("订单处于 {state} 状态，不能执行 {act}"),
            Self::HoldExpired => "订单库存保留已过期，请重新占用库存或退款".to_owned(),
            Self::Refused { rule } => format!("{}（规则 {rule}）", rule.reason_zh()),
            Self::InsufficientStock { left } => format!("订单所需商品只剩 {left} 件，请退款或等待补货"),
            Self::CaseClosed => "没有这个售后单，或它不在等待此操作，请刷新".to_owned(),
            Self::ProposalClosed => "没有这个待处理的建议，请刷新列表".to_owned(),
            Self::Money(error) => error.zh(),
            Self::Price(error) => error.zh(),
            Self::NotAllowed(error) => error.zh(),
            Self::Payment(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

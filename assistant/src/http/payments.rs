//! Paying: by gift cards, through a channel, at the counter.

use super::Service;
use super::caller::{Keyed, Signed};
use super::error::Problem;
use super::orders::Order;
use super::wire::{
    Answer, Created, GiftCardRef, IdempotencyKey, Json, Money, OrderRef, Path, PaymentRef, RefundRef, Time, created,
};
use axum::extract::State;
use commerce_core::Paying;
use commerce_core::caller::Caller;
use commerce_core::ledger::{Account, AccountKind};
use commerce_core::money::Money as Exact;
use commerce_core::payment::{self, COUNTER};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(list_payments, pay_order))
        .routes(routes!(take_at_counter))
        .routes(routes!(issue_gift_card))
        .routes(routes!(check_gift_card))
}

/// How paying for an order stands.
#[derive(Serialize, ToSchema)]
pub(super) struct PaymentView {
    order: Order,
    /// `unpaid`, `paying`, `paid`, `partially_refunded`, `refunded`, …
    status: String,
    payments: Vec<Payment>,
    refunds: Vec<Refund>,
}

impl PaymentView {
    pub(super) fn seen(paying: Paying, caller: &Caller) -> Result<Self, Problem> {
        Ok(Self {
            status: paying.status.to_string(),
            payments: paying.payments.into_iter().map(Payment::from).collect(),
            refunds: paying.refunds.into_iter().map(|refund| Refund::seen(refund, caller)).collect(),
            order: Order::seen(paying.order, caller)?,
        })
    }
}

#[derive(Serialize, ToSchema)]
struct Payment {
    id: PaymentRef,
    /// `gift_card`, `counter`, or a channel's code.
    channel: String,
    /// `UNPAID`, `PAYING`, `PAID`, `PARTIALLY_REFUNDED`, `REFUNDED`, `FAILED` or `CLOSED`.
    state: String,
    amount: Money,
    refunding: Money,
    refunded: Money,
    /// Where the shopper goes on, while it is open.
    pay_url: Option<String>,
    failure: Option<String>,
    expires_at: Time,
    created_at: Time,
}

impl From<payment::Payment> for Payment {
    fn from(one: payment::Payment) -> Self {
        let told = |text: String| Some(text).filter(|text| !text.is_empty());
        let pay_url = if one.state.is_open() { told(one.pay_url) } else { None };
        Self {
            id: one.id.into(),
            channel: one.channel,
            state: one.state.to_string(),
            amount: one.amount.into(),
            refunding: one.refunding.into(),
            refunded: one.refunded.into(),
            pay_url,
            failure: told(one.failure),
            expires_at: one.expires_at.into(),
            created_at: one.created_at.into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct Refund {
    id: RefundRef,
    order: OrderRef,
    payment: PaymentRef,
    /// `REFUND_REQUESTED`, `REFUND_APPROVED`, `REFUND_PROCESSING`, `REFUNDED` or `REFUND_FAILED`.
    state: String,
    amount: Money,
    reason: String,
    /// Who asked for it, where a second person has to agree.
    asked_by: Option<String>,
    failure: Option<String>,
    created_at: Time,
}

impl Refund {
    /// Who of its people asked for it is the shop's own business.
    fn seen(refund: payment::Refund, caller: &Caller) -> Self {
        let is_theirs = caller.owner().is_none();
        if is_theirs { refund.into() } else { payment::Refund { asked_by: String::new(), ..refund }.into() }
    }
}

impl From<payment::Refund> for Refund {
    fn from(one: payment::Refund) -> Self {
        let told = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            id: one.id.into(),
            order: one.order.into(),
            payment: one.payment.into(),
            state: one.state.to_string(),
            amount: one.amount.into(),
            reason: one.reason,
            asked_by: told(one.asked_by),
            failure: told(one.failure),
            created_at: one.created_at.into(),
        }
    }
}

/// The payments and refunds of an order.
#[utoipa::path(get, path = "/orders/{order}/payments", responses((status = 200, body = PaymentView)))]
async fn list_payments(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<PaymentView> {
    Ok(Json(PaymentView::seen(service.shop.payments(&caller, id.parse()?).await?, &caller)?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PayRequest {
    /// Gift cards pay first, each what it has; one channel pays the rest.
    #[schema(min_items = 1, max_items = 10)]
    methods: Vec<Method>,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = PaymentMethod)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
enum Method {
    GiftCard {
        #[schema(max_length = 40)]
        code: String,
    },
    Channel {
        #[schema(example = "sandbox", max_length = 40)]
        channel: String,
    },
}

/// Start paying what an order owes. The shopper goes on at the `pay_url` of the open payment.
#[utoipa::path(post, path = "/orders/{order}/payments", params(IdempotencyKey), responses((status = 201, body = PaymentView)))]
async fn pay_order(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Path(id): Path<String>,
    Json(request): Json<PayRequest>,
) -> Created<PaymentView> {
    let method = |method: Method| match method {
        Method::GiftCard { code } => payment::Method::GiftCard { code },
        Method::Channel { channel } => payment::Method::Channel { code: channel },
    };
    let methods: Vec<_> = request.methods.into_iter().map(method).collect();
    created(PaymentView::seen(service.shop.pay(&caller, id.parse()?, &methods).await?, &caller)?)
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum LateGoods {
    /// Where the stock was given back meanwhile, nothing is taken.
    Refuse,
    /// It is reserved once more, where it is still there.
    ReserveAgain,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CounterPayment {
    /// What becomes of an order whose hold has expired.
    if_expired: LateGoods,
}

/// Take what an order owes at the counter: in cash, by bank transfer.
#[utoipa::path(post, path = "/orders/{order}/counter-payments", params(IdempotencyKey), responses((status = 200, body = Order)))]
async fn take_at_counter(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Path(id): Path<String>,
    Json(given): Json<CounterPayment>,
) -> Answer<Order> {
    let id = id.parse()?;
    let order = match given.if_expired {
        LateGoods::Refuse => service.shop.confirm_paid(&caller, id).await?,
        LateGoods::ReserveAgain => service.shop.reclaim(&caller, id).await?,
    };
    Ok(Json(Order::seen(order, &caller)?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewGiftCard {
    amount: Money,
    paid_from: PaidFrom,
    expires_at: Time,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum PaidFrom {
    Counter,
    /// A present of the shop.
    Promotion,
}

/// A gift card and its code, which is told this once.
#[derive(Serialize, ToSchema)]
struct IssuedGiftCard {
    id: GiftCardRef,
    code: String,
    amount: Money,
    expires_at: Time,
}

/// Issue a gift card. Asked again with the same key, the same code is told again.
#[utoipa::path(post, path = "/gift-cards", params(IdempotencyKey), responses((status = 201, body = IssuedGiftCard)))]
async fn issue_gift_card(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Json(given): Json<NewGiftCard>,
) -> Created<IssuedGiftCard> {
    let amount = Exact::try_from(&given.amount)?;
    let paid_from: Account = match given.paid_from {
        PaidFrom::Counter => AccountKind::Clearing.of(COUNTER),
        PaidFrom::Promotion => AccountKind::Promotion.own(),
    };
    let issued = service.shop.issue_gift_card(&caller, amount, paid_from, given.expires_at.0).await?;
    created(IssuedGiftCard {
        id: issued.card.id.into(),
        code: issued.code.reveal().to_owned(),
        amount: issued.card.amount.into(),
        expires_at: issued.card.expires_at.into(),
    })
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GiftCardCode {
    #[schema(max_length = 40)]
    code: String,
}

#[derive(Serialize, ToSchema)]
struct GiftCard {
    /// The last letters of its code.
    tail: String,
    issued: Money,
    /// What can still be spent.
    available: Money,
    expires_at: Time,
}

/// What a gift card is still worth. Whoever knows the code may ask.
#[utoipa::path(post, path = "/gift-cards/balance", responses((status = 200, body = GiftCard)))]
async fn check_gift_card(
    State(service): State<Service>,
    Signed(caller): Signed,
    Json(given): Json<GiftCardCode>,
) -> Answer<GiftCard> {
    // Codes are guessed one by one: as seldom as orders are placed.
    service.limits.count_hot_write(&caller)?;
    let (card, available) = service.shop.gift_card_balance(&caller, &given.code).await?;
    Ok(Json(GiftCard {
        tail: card.tail,
        issued: card.amount.into(),
        available: available.into(),
        expires_at: card.expires_at.into(),
    }))
}

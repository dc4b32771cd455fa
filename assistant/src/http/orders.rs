//! Previews and orders: placed, looked at, changed, canceled, moved on.

use super::Service;
use super::caller::{Keyed, Signed, named};
use super::customers::Destination;
use super::error::Problem;
use super::events::Event;
use super::wire::{
    ActivityRef, AddressRef, Answer, BatchRef, Created, CustomerRef, IdempotencyKey, Json, LineRef, Money, OrderRef,
    Page, Paging, Path, ProductRef, Query, Ref, SkuRef, Time, WarehouseRef, created, cursor, maybe_money, word,
};
use axum::extract::State;
use commerce_core::caller::Caller;
use commerce_core::catalog::Labels;
use commerce_core::checkout::{PricedLine, Totals};
use commerce_core::customer;
use commerce_core::order::{self, Act};
use commerce_core::store::OrderSearch;
use commerce_core::{Placed, Swapped};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(preview_order))
        .routes(routes!(list_orders, place_order))
        .routes(routes!(get_order))
        .routes(routes!(get_order_history))
        .routes(routes!(change_order_address))
        .routes(routes!(swap_variant))
        .routes(routes!(cancel_order))
        .routes(routes!(move_order))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OrderRequest {
    /// Shoppers may leave it out: they order for themselves.
    customer: Option<CustomerRef>,
    #[schema(min_items = 1, max_items = 100)]
    items: Vec<Item>,
    /// Needed as soon as something has to be shipped.
    shipping_address_id: Option<AddressRef>,
    #[serde(default = "h5")]
    #[schema(max_length = 40)]
    channel: String,
    #[serde(default)]
    #[schema(max_items = 10)]
    coupons: Vec<String>,
    invoice: Option<Invoice>,
    #[serde(default)]
    #[schema(max_length = 500)]
    remark: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    /// The total that was shown: where it has changed since, nothing is ordered.
    expected_total: Option<Money>,
}

fn h5() -> String {
    "h5".to_owned()
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Item {
    sku: SkuRef,
    #[schema(minimum = 1, maximum = 9999)]
    qty: u32,
    batch: Option<BatchRef>,
    /// The activity (seckill, live room) through which the buyer came.
    activity: Option<ActivityRef>,
    /// The unit price that was shown: where it has changed since, nothing is ordered.
    price_snapshot: Option<Money>,
}

/// An invoice (发票).
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Invoice {
    #[schema(example = "杭州稻香科技有限公司", max_length = 200)]
    title: String,
    #[serde(default)]
    tax_id: String,
    #[serde(default)]
    email: String,
}

impl OrderRequest {
    fn customer(&self, caller: &Caller) -> Result<customer::CustomerId, Problem> {
        match &self.customer {
            Some(customer) => Ok(customer.0),
            None => named(caller, "me"),
        }
    }

    fn read(self) -> Result<commerce_core::OrderRequest, Problem> {
        let item = |item: &Item| {
            Ok(commerce_core::Item {
                sku: item.sku.0,
                qty: item.qty,
                batch: item.batch.map(|batch| batch.0),
                activity: item.activity.map(|activity| activity.0),
                price_snapshot: maybe_money(item.price_snapshot.as_ref())?,
            })
        };
        let invoice = |one: Invoice| order::Invoice { title: one.title, tax_id: one.tax_id, email: one.email };
        Ok(commerce_core::OrderRequest {
            items: self.items.iter().map(item).collect::<Result<_, Problem>>()?,
            address: self.shipping_address_id.map(|address| address.0),
            channel: self.channel,
            coupons: self.coupons,
            invoice: self.invoice.map(invoice),
            remark: self.remark,
            metadata: self.metadata,
            expected_total: maybe_money(self.expected_total.as_ref())?,
        })
    }
}

/// What an order would cost now, line by line, and why.
#[derive(Serialize, ToSchema)]
struct Preview {
    lines: Vec<PreviewLine>,
    totals: Amounts,
    discounts: Vec<Discount>,
    /// Every marketing rule that was looked at, and why it did what it did.
    rules: Vec<ConsideredRule>,
}

#[derive(Serialize, ToSchema)]
struct PreviewLine {
    sku: SkuRef,
    sku_code: String,
    title: String,
    options: Labels,
    qty: u32,
    unit_price: Money,
    /// The rule that decided the price.
    price_rule: String,
    amount: Money,
    discount: Money,
    tax: Money,
}

impl From<PricedLine> for PreviewLine {
    fn from(line: PricedLine) -> Self {
        Self {
            sku: line.sku.into(),
            sku_code: line.sku_code,
            title: line.title,
            options: line.options,
            qty: line.qty,
            unit_price: line.unit_price.into(),
            price_rule: line.rule.to_string(),
            amount: line.amount.into(),
            discount: line.discount.into(),
            tax: line.tax.into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Amounts {
    goods: Money,
    discount: Money,
    freight: Money,
    /// Part of `goods` where prices include tax, on top of it where they do not.
    tax: Money,
    total: Money,
}

impl From<Totals> for Amounts {
    fn from(totals: Totals) -> Self {
        Self {
            goods: totals.goods.into(),
            discount: totals.discount.into(),
            freight: totals.freight.into(),
            tax: totals.tax.into(),
            total: totals.total.into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
struct Discount {
    rule_id: String,
    title_zh: String,
    title_en: String,
    coupon: Option<String>,
    amount: Money,
}

impl From<order::Discount> for Discount {
    fn from(one: order::Discount) -> Self {
        let (title_zh, title_en) = (one.title.zh, one.title.en);
        Self { rule_id: one.rule_id, title_zh, title_en, coupon: one.coupon, amount: one.amount.into() }
    }
}

#[derive(Serialize, ToSchema)]
struct ConsideredRule {
    rule_id: String,
    coupon: Option<String>,
    took_effect: bool,
    zh: String,
    en: String,
}

/// Preview an order: what it would cost now, exactly as it would be charged.
#[utoipa::path(post, path = "/orders/preview", responses((status = 200, body = Preview)))]
async fn preview_order(
    State(service): State<Service>,
    Signed(caller): Signed,
    Json(request): Json<OrderRequest>,
) -> Answer<Preview> {
    let customer = request.customer(&caller)?;
    let preview = service.shop.preview(&caller, customer, &request.read()?).await?;
    let rule = |one: commerce_core::rules::Considered| ConsideredRule {
        took_effect: one.took_effect(),
        zh: one.explain_zh(),
        en: one.explain_en(),
        rule_id: one.rule_id,
        coupon: one.coupon,
    };
    Ok(Json(Preview {
        lines: preview.lines.into_iter().map(PreviewLine::from).collect(),
        totals: preview.totals.into(),
        discounts: preview.discounts.into_iter().map(Discount::from).collect(),
        rules: preview.considered.into_iter().map(rule).collect(),
    }))
}

/// An order that was placed: with the same key the answer is always the same.
#[derive(Serialize, ToSchema)]
struct PlacedOrder {
    id: OrderRef,
    order_no: String,
    status: String,
    preview: Amounts,
    /// So long is the stock held.
    hold_until: Time,
    /// So long the order waits for payment.
    pay_until: Time,
    allocated_batches: Vec<AllocatedBatch>,
}

#[derive(Serialize, ToSchema)]
struct AllocatedBatch {
    line: LineRef,
    sku: SkuRef,
    batch: Option<BatchRef>,
    warehouse: WarehouseRef,
    qty: i64,
}

impl From<Placed> for PlacedOrder {
    fn from(placed: Placed) -> Self {
        let batch = |one: commerce_core::AllocatedBatch| AllocatedBatch {
            line: one.line.into(),
            sku: one.sku.into(),
            batch: one.batch.map(Ref::from),
            warehouse: one.warehouse.into(),
            qty: one.qty,
        };
        Self {
            id: placed.order.into(),
            order_no: placed.order_no,
            status: placed.status,
            preview: Amounts {
                goods: placed.goods.into(),
                discount: placed.discount.into(),
                freight: placed.freight.into(),
                tax: placed.tax.into(),
                total: placed.total.into(),
            },
            hold_until: placed.hold_until.into(),
            pay_until: placed.pay_until.into(),
            allocated_batches: placed.allocated_batches.into_iter().map(batch).collect(),
        }
    }
}

/// Place an order. The stock is held until `hold_until`.
#[utoipa::path(post, path = "/orders", params(IdempotencyKey), responses((status = 201, body = PlacedOrder)))]
async fn place_order(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Json(request): Json<OrderRequest>,
) -> Created<PlacedOrder> {
    let customer = request.customer(&caller)?;
    let key = caller.once.as_ref().map(|once| once.key.clone()).unwrap_or_default();
    created(service.shop.place_order(&caller, customer, &key, request.read()?).await?.into())
}

#[derive(Serialize, ToSchema)]
pub(super) struct Order {
    pub(super) id: OrderRef,
    order_no: String,
    customer: CustomerRef,
    channel: String,
    /// See the states of an order in the shop's documentation.
    state: String,
    /// Whose its stock is: `HELD`, `CONSUMED`, …
    hold: String,
    hold_until: Time,
    pay_until: Time,
    totals: Amounts,
    /// What the shopper has paid, less what went back.
    paid: Money,
    /// How much less it costs by now, for goods that came back.
    returned: Money,
    /// Above zero the shopper owes it, below zero the shop does.
    owes: Money,
    discounts: Vec<Discount>,
    weight_g: u64,
    /// Masked where the reader may not see personal data. Empty where nothing is shipped.
    destination: Destination,
    invoice: Option<Invoice>,
    remark: String,
    metadata: BTreeMap<String, String>,
    cancel_reason: String,
    created_at: Time,
    updated_at: Time,
}

impl Order {
    /// An order as this caller may see it.
    pub(super) fn seen(order: order::Order, caller: &Caller) -> Result<Self, Problem> {
        let owes = order.owes()?.into();
        let one = order.seen_by(caller);
        let invoice = |one: order::Invoice| Invoice { title: one.title, tax_id: one.tax_id, email: one.email };
        Ok(Self {
            id: one.id.into(),
            order_no: one.order_no,
            customer: one.customer.into(),
            channel: one.channel,
            state: one.state.to_string(),
            hold: one.hold.to_string(),
            hold_until: one.hold_until.into(),
            pay_until: one.pay_until.into(),
            totals: Amounts {
                goods: one.goods.into(),
                discount: one.discount.into(),
                freight: one.freight.into(),
                tax: one.tax.into(),
                total: one.total.into(),
            },
            paid: one.paid.into(),
            returned: one.returned.into(),
            owes,
            discounts: one.discounts.into_iter().map(Discount::from).collect(),
            weight_g: one.weight_g,
            destination: one.destination.into(),
            invoice: one.invoice.map(invoice),
            remark: one.remark,
            metadata: one.metadata,
            cancel_reason: one.cancel_reason,
            created_at: one.created_at.into(),
            updated_at: one.updated_at.into(),
        })
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct OrderWithLines {
    #[serde(flatten)]
    order: Order,
    lines: Vec<Line>,
}

impl OrderWithLines {
    pub(super) fn seen(order: order::Order, lines: Vec<order::Line>, caller: &Caller) -> Result<Self, Problem> {
        Ok(Self { order: Order::seen(order, caller)?, lines: lines.into_iter().map(Line::from).collect() })
    }
}

#[derive(Serialize, ToSchema)]
struct Line {
    id: LineRef,
    sku: SkuRef,
    product: ProductRef,
    sku_code: String,
    title: String,
    options: Labels,
    qty: u32,
    returned_qty: u32,
    unit_price: Money,
    price_rule: String,
    amount: Money,
    discount: Money,
    tax: Money,
    activity: Option<ActivityRef>,
}

impl From<order::Line> for Line {
    fn from(one: order::Line) -> Self {
        Self {
            id: one.id.into(),
            sku: one.sku.into(),
            product: one.product.into(),
            sku_code: one.sku_code,
            title: one.title,
            options: one.options,
            qty: one.qty,
            returned_qty: one.returned_qty,
            unit_price: one.unit_price.into(),
            price_rule: one.price_rule,
            amount: one.amount.into(),
            discount: one.discount.into(),
            tax: one.tax.into(),
            activity: one.activity.map(Ref::from),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct OrderQuery {
    #[param(example = "PAID", max_length = 40)]
    state: Option<String>,
    #[param(max_length = 40)]
    channel: Option<String>,
    #[param(max_length = 40)]
    order_no: Option<String>,
    /// The last digits of the recipient's phone.
    #[param(max_length = 20)]
    phone_tail: Option<String>,
    /// A SKU's code, or words of a title.
    #[param(max_length = 60)]
    goods: Option<String>,
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Time>,
    #[param(value_type = Option<String>, format = DateTime)]
    to: Option<Time>,
}

/// List orders, newest first. Shoppers find their own.
#[utoipa::path(get, path = "/orders", params(OrderQuery, Paging), responses((status = 200, body = Page<Order>)))]
async fn list_orders(
    State(service): State<Service>,
    Signed(caller): Signed,
    Query(query): Query<OrderQuery>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Order>> {
    let limit = paging.limit()?;
    let search = OrderSearch {
        state: query.state.as_deref().map(|text| word(text, "state")).transpose()?,
        channel: query.channel.unwrap_or_default(),
        order_no: query.order_no.unwrap_or_default(),
        phone_tail: query.phone_tail.unwrap_or_default(),
        goods: query.goods.unwrap_or_default(),
        from: query.from.map(|time| time.0),
        to: query.to.map(|time| time.0),
        after: paging.after()?,
    };
    let found = service.shop.search_orders(&caller, &search, limit + 1).await?;
    let seen = found.into_iter().map(|order| Ok((order.created_at, order.id, Order::seen(order, &caller)?)));
    let seen = seen.collect::<Result<Vec<_>, Problem>>()?;
    Ok(Json(Page::cut(seen, limit, |(at, id, _)| cursor(*at, *id), |(_, _, order)| order)))
}

/// Look at an order, by its id or its number.
#[utoipa::path(get, path = "/orders/{order}", responses((status = 200, body = OrderWithLines)))]
async fn get_order(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<OrderWithLines> {
    let id = match id.parse() {
        Ok(id) => id,
        Err(_) if id.bytes().all(|b| b.is_ascii_digit()) => service.shop.order_by_no(&caller, &id).await?.id,
        Err(error) => return Err(error.into()),
    };
    let (order, lines) = service.shop.order(&caller, id).await?;
    Ok(Json(OrderWithLines::seen(order, lines, &caller)?))
}

/// What happened to an order, oldest first.
#[utoipa::path(get, path = "/orders/{order}/history", responses((status = 200, body = Page<Event>)))]
async fn get_order_history(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Page<Event>> {
    let history = service.shop.order_history(&caller, id.parse()?).await?;
    Ok(Json(Page::whole(history.into_iter().map(Event::from))))
}

/// What a change made of an order.
#[derive(Serialize, ToSchema)]
struct ChangedOrder {
    order: Order,
    /// What it costs more (above zero) or less by the change.
    difference: Money,
}

impl ChangedOrder {
    fn seen(swapped: Swapped, caller: &Caller) -> Result<Self, Problem> {
        Ok(Self { order: Order::seen(swapped.order, caller)?, difference: swapped.difference.into() })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AddressChange {
    shipping_address_id: AddressRef,
}

/// Ship it elsewhere, as long as it has not left. The freight may change with it.
#[utoipa::path(put, path = "/orders/{order}/address", params(IdempotencyKey), responses((status = 200, body = ChangedOrder)))]
async fn change_order_address(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Path(id): Path<String>,
    Json(change): Json<AddressChange>,
) -> Answer<ChangedOrder> {
    let swapped = service.shop.change_address(&caller, id.parse()?, change.shipping_address_id.0).await?;
    Ok(Json(ChangedOrder::seen(swapped, &caller)?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VariantChange {
    line: LineRef,
    /// Another variant of the same product.
    sku: SkuRef,
}

/// Take another variant of the same product. The difference is charged or given back.
#[utoipa::path(post, path = "/orders/{order}/swaps", params(IdempotencyKey), responses((status = 200, body = ChangedOrder)))]
async fn swap_variant(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Path(id): Path<String>,
    Json(change): Json<VariantChange>,
) -> Answer<ChangedOrder> {
    let swapped = service.shop.swap_variant(&caller, id.parse()?, change.line.0, change.sku.0).await?;
    Ok(Json(ChangedOrder::seen(swapped, &caller)?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Cancellation {
    #[schema(example = "买错了规格", max_length = 200)]
    reason: String,
}

/// Cancel an order that has not left yet. What was paid goes back by every way it came.
#[utoipa::path(post, path = "/orders/{order}/cancellation", params(IdempotencyKey), responses((status = 200, body = Order)))]
async fn cancel_order(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Path(id): Path<String>,
    Json(given): Json<Cancellation>,
) -> Answer<Order> {
    let order = service.shop.cancel_order(&caller, id.parse()?, &given.reason).await?;
    Ok(Json(Order::seen(order, &caller)?))
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Step {
    Pick,
    Pack,
    /// The carrier has it.
    #[serde(rename = "move")]
    OnItsWay,
    /// The shopper says it is all there.
    Confirm,
    Complete,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OrderMove {
    act: Step,
}

/// Move an order on by a step that needs nothing but the order itself.
#[utoipa::path(post, path = "/orders/{order}/moves", responses((status = 200, body = Order)))]
async fn move_order(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(given): Json<OrderMove>,
) -> Answer<Order> {
    let act = match given.act {
        Step::Pick => Act::Pick,
        Step::Pack => Act::Pack,
        Step::OnItsWay => Act::Move,
        Step::Confirm => Act::Confirm,
        Step::Complete => Act::Complete,
    };
    Ok(Json(Order::seen(service.shop.move_order(&caller, id.parse()?, act).await?, &caller)?))
}

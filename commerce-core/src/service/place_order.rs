//! Placing orders, any number of them in one transaction and a fixed number of statements.

use super::checkout::{Decided, OrderRequest, PlaceError, Situation, caller_may_buy_for, decide};
use super::till::Work;
use super::{Desk, Shop};
use crate::caller::Caller;
use crate::catalog::{BatchId, SkuId};
use crate::checkout::Offer;
use crate::customer::CustomerId;
use crate::event::{Event, EventName};
use crate::inventory::{InventoryTx, Shelf, Take, TxKind, WarehouseId};
use crate::ledger::hex;
use crate::money::Money;
use crate::order::{Hold, LineId, Order, OrderId, State};
use crate::rules::{CouponState, FirstOrder};
use crate::store::{Ask, KeptReply, Opened, Rulebook, Settled, StoreError, Tx};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashMap};

/// The answer to a placed order, kept with it: asked again with the same key, the shop says exactly this again.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Placed {
    pub order: OrderId,
    pub order_no: String,
    pub status: String,
    pub goods: Money,
    pub discount: Money,
    pub freight: Money,
    pub tax: Money,
    pub total: Money,
    pub hold_until: Timestamp,
    pub pay_until: Timestamp,
    pub allocated_batches: Vec<AllocatedBatch>,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AllocatedBatch {
    pub line: LineId,
    pub sku: SkuId,
    pub batch: Option<BatchId>,
    pub warehouse: WarehouseId,
    pub qty: i64,
}

impl Shop {
    /// Places an order once: however often and however concurrently it is sent with the same `key`, there is one order,
    /// and every caller gets the same answer.
    pub async fn place_order(
        &self,
        caller: &Caller,
        customer: CustomerId,
        key: &str,
        request: OrderRequest,
    ) -> Result<Placed, PlaceError> {
        check_key(key)?;
        request.check()?;
        caller_may_buy_for(caller, customer)?;
        self.till.hand_over(Asked { caller: caller.clone(), customer, key: key.to_owned(), request }).await
    }
}

fn check_key(key: &str) -> Result<(), PlaceError> {
    if key.len() < 8 || key.len() > 128 || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(PlaceError::InvalidIdempotencyKey { reason: "must be 8 to 128 visible ASCII characters" });
    }
    Ok(())
}

/// An order as it was asked for: by whom, for whom, under which key.
pub(super) struct Asked {
    pub(super) caller: Caller,
    pub(super) customer: CustomerId,
    pub(super) key: String,
    pub(super) request: OrderRequest,
}

type Answer = Result<Placed, PlaceError>;

impl Work for Asked {
    type Answer = Answer;

    fn tenant(&self) -> TenantId {
        self.caller.tenant
    }

    async fn do_group(desk: &Desk, group: &[Self]) -> Result<Vec<Answer>, StoreError> {
        place_group(desk, group).await
    }

    fn failed(error: StoreError) -> Answer {
        Err(error.into())
    }
}

/// Orders of one tenant that are placed together.
struct Group<'a> {
    tenant: TenantId,
    orders: &'a [Asked],
    hashes: Vec<String>,
    scopes: Vec<String>,
}

/// What the database knows about a group.
struct Known {
    opened: Vec<Opened>,
    on_sale: OnSale,
}

/// What there is to be had, while one order of the group after the other takes from it.
struct OnSale {
    offers: HashMap<SkuId, Offer>,
    shelf: Shelf,
    book: Rulebook,
    /// Who has ordered in this group already.
    have_ordered: BTreeSet<CustomerId>,
}

/// An order that is to be written.
struct Accepted {
    /// Its place in the group.
    place: usize,
    order: Order,
    decided: Decided,
    reply: Placed,
}

/// Places the orders of one tenant: one answer each, all that succeed in one commit.
async fn place_group(desk: &Desk, orders: &[Asked]) -> Result<Vec<Answer>, StoreError> {
    let Some(first) = orders.first() else { return Ok(Vec::new()) };
    let tenant = first.caller.tenant;
    let group = Group {
        tenant,
        orders,
        hashes: orders.iter().map(|order| hash(order.customer, &order.request)).collect(),
        // A key belongs to its customer: nobody meets another one's reply.
        scopes: orders.iter().map(|order| format!("order:{}", order.customer)).collect(),
    };
    // Fetched before the write: numbers come from a write of their own.
    let numbers = desk.numbers.take(&desk.store, tenant, desk.now(), orders.len()).await?;
    let (group, numbers) = (&group, &numbers);
    let (answers, used) = desk.store.write(move |tx| place_in(desk, tx, group, numbers)).await?;
    desk.numbers.give_back(tenant, &numbers[used.min(numbers.len())..]).await;
    Ok(answers)
}

/// Load → decide → save. Returns the answers and how many numbers were used.
async fn place_in(
    desk: &Desk,
    mut tx: Tx,
    group: &Group<'_>,
    numbers: &[String],
) -> Result<Settled<(Vec<Answer>, usize)>, StoreError> {
    let now = desk.now();
    let Some(known) = look_up(&mut tx, group, now).await? else {
        return Ok(tx.leave((group.orders.iter().map(|_| Err(PlaceError::UnknownTenant)).collect(), 0)));
    };
    let (answers, accepted) = decide_group(desk, group, known, numbers, now);
    if accepted.is_empty() {
        return Ok(tx.leave((answers, 0)));
    }
    save(desk, &mut tx, group, &accepted, now).await?;
    tx.keep((answers, accepted.len())).await
}

async fn look_up(tx: &mut Tx, group: &Group<'_>, now: Timestamp) -> Result<Option<Known>, StoreError> {
    let asks: Vec<Ask<'_>> = group
        .orders
        .iter()
        .zip(&group.scopes)
        .map(|(order, scope)| Ask { customer: order.customer, address: order.request.address, scope, key: &order.key })
        .collect();
    let opened = tx.open_orders(group.tenant, &asks).await?;
    let Some(currency) = opened.first().map(|opened| opened.currency) else { return Ok(None) };
    let skus: BTreeSet<SkuId> =
        group.orders.iter().flat_map(|order| order.request.items.iter().map(|item| item.sku)).collect();
    let offers = tx.offers(group.tenant, currency, &skus, now).await?;
    let shelf = tx.shelf(group.tenant, &skus).await?;
    let coupons: Vec<&str> = group.orders.iter().flat_map(|order| &order.request.coupons).map(String::as_str).collect();
    let book = tx.rulebook(group.tenant, currency, &coupons, now).await?;
    Ok(Some(Known { opened, on_sale: OnSale { offers, shelf, book, have_ordered: BTreeSet::new() } }))
}

/// Decides the orders one after the other, each on what the ones before left on the shelf.
fn decide_group(
    desk: &Desk,
    group: &Group<'_>,
    mut known: Known,
    numbers: &[String],
    now: Timestamp,
) -> (Vec<Answer>, Vec<Accepted>) {
    let mut answers: Vec<Answer> = Vec::with_capacity(group.orders.len());
    let mut accepted: Vec<Accepted> = Vec::new();
    let mut first_with_key: HashMap<(&str, &str), usize> = HashMap::new();
    for (place, (asked, opened)) in group.orders.iter().zip(&known.opened).enumerate() {
        let twin = *first_with_key.entry((&group.scopes[place], &asked.key)).or_insert(place);
        let answer = if let Some((was, reply)) = &opened.answered {
            replay(*was == group.hashes[place], reply)
        } else if twin != place {
            if group.hashes[twin] == group.hashes[place] { answers[twin].clone() } else { Err(KEY_REUSED) }
        } else {
            let number = numbers.get(accepted.len()).cloned().unwrap_or_default();
            accept(desk, asked, opened, &mut known.on_sale, number, now).map(|(order, decided, reply)| {
                known.on_sale.take_note(&order);
                accepted.push(Accepted { place, order, decided, reply: reply.clone() });
                reply
            })
        };
        answers.push(answer);
    }
    (answers, accepted)
}

const KEY_REUSED: PlaceError = PlaceError::InvalidIdempotencyKey { reason: "was used for a different request" };

fn replay(is_same_request: bool, reply: &str) -> Answer {
    if !is_same_request {
        return Err(KEY_REUSED);
    }
    serde_json::from_str(reply).map_err(|error| StoreError::Unreadable(error.to_string()).into())
}

fn accept(
    desk: &Desk,
    asked: &Asked,
    opened: &Opened,
    on_sale: &mut OnSale,
    order_no: String,
    now: Timestamp,
) -> Result<(Order, Decided, Placed), PlaceError> {
    let request = &asked.request;
    let level = opened.level.ok_or(PlaceError::UnknownCustomer)?;
    if request.address.is_some() && opened.destination.is_none() {
        return Err(PlaceError::UnknownAddress);
    }
    let destination = opened.destination.as_ref();
    let has_ordered = on_sale.have_ordered.contains(&asked.customer);
    let situation = Situation {
        tenant: asked.caller.tenant,
        customer: asked.customer,
        settings: &opened.settings,
        currency: opened.currency,
        level,
        tags: &opened.tags,
        is_first_order: if has_ordered { FirstOrder::No } else { opened.is_first_order },
        destination,
        offers: &on_sale.offers,
        book: &on_sale.book,
        now,
    };
    let id = desk.id(now);
    let decided = decide(request, &situation, &mut on_sale.shelf, id, || desk.id(now))?;
    let order = Order {
        id,
        order_no,
        customer: asked.customer,
        channel: request.channel.clone(),
        // CREATED and submitted in one commit; version 2 says that both happened.
        state: State::PendingPayment,
        hold: if decided.takes.is_empty() { Hold::None } else { Hold::Held },
        hold_until: now.plus_minutes(opened.settings.hold_minutes),
        pay_until: now.plus_minutes(opened.settings.payment_timeout_minutes),
        currency: opened.currency,
        goods: decided.totals.goods,
        discount: decided.totals.discount,
        freight: decided.totals.freight,
        tax: decided.totals.tax,
        total: decided.totals.total,
        paid: Money::zero(opened.currency),
        returned: Money::zero(opened.currency),
        discounts: decided.discounts.clone(),
        weight_g: decided.totals.weight_g,
        destination: destination.cloned().unwrap_or_default(),
        invoice: request.invoice.clone(),
        remark: request.remark.clone(),
        metadata: request.metadata.clone(),
        cancel_reason: String::new(),
        version: 2,
        created_at: now,
        updated_at: now,
    };
    let reply = reply(&order, &decided);
    Ok((order, decided, reply))
}

impl OnSale {
    /// An order of this group has been accepted: its coupons are gone for those behind it.
    fn take_note(&mut self, order: &Order) {
        self.have_ordered.insert(order.customer);
        for coupon in &mut self.book.coupons {
            if order.coupons().any(|used| used == coupon.code) {
                coupon.state = CouponState::Used;
            }
        }
    }
}

fn reply(order: &Order, decided: &Decided) -> Placed {
    let allocated = |take: &Take| AllocatedBatch {
        line: take.line,
        sku: take.sku,
        batch: take.batch,
        warehouse: take.warehouse,
        qty: take.qty,
    };
    Placed {
        order: order.id,
        order_no: order.order_no.clone(),
        status: order.state.to_string(),
        goods: order.goods,
        discount: order.discount,
        freight: order.freight,
        tax: order.tax,
        total: order.total,
        hold_until: order.hold_until,
        pay_until: order.pay_until,
        allocated_batches: decided.takes.iter().map(allocated).collect(),
    }
}

/// Writes the accepted orders with everything that belongs to them: seven statements, one more where an activity is bought
/// from, and one where coupons are used.
async fn save(
    desk: &Desk,
    tx: &mut Tx,
    group: &Group<'_>,
    accepted: &[Accepted],
    now: Timestamp,
) -> Result<(), StoreError> {
    let tenant = group.tenant;
    let mut orders = Vec::with_capacity(accepted.len());
    let mut lines = Vec::new();
    let mut journal = Vec::new();
    let mut from_activities = Vec::new();
    let mut events = Vec::with_capacity(accepted.len());
    let mut replies = Vec::with_capacity(accepted.len());
    let mut bought = Vec::new();
    for one in accepted {
        let asked = &group.orders[one.place];
        for take in &one.decided.takes {
            journal.extend(journal_of_take(desk, one.order.id, take, now));
            from_activities.extend(take.activity.map(|activity| (activity, take.stock, take.qty)));
        }
        events.push(created(desk, asked, one));
        bought.extend(asked.request.items.iter().map(|item| (asked.customer, item.sku, item.activity)));
        // A reply is made of ids, amounts and times, which always serialise.
        let reply = serde_json::to_string(&one.reply).map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let request_hash = group.hashes[one.place].clone();
        replies.push(KeptReply { scope: &group.scopes[one.place], key: &asked.key, request_hash, reply });
        lines.extend(one.decided.lines.iter().cloned());
        orders.push(one.order.clone());
    }
    tx.move_stock(tenant, &journal, now).await?;
    tx.take_from_activities(tenant, &from_activities).await?;
    tx.insert_orders(tenant, &orders).await?;
    tx.insert_lines(tenant, &lines).await?;
    let coupons: Vec<(&str, OrderId)> =
        orders.iter().flat_map(|order| order.coupons().map(|code| (code, order.id))).collect();
    tx.use_coupons(tenant, &coupons, now).await?;
    tx.record(tenant, &events).await?;
    tx.keep_replies(tenant, &replies, now).await?;
    tx.remove_from_carts(tenant, &bought).await
}

/// What a take writes into the stock journal. What an activity had set aside only changes its owner.
pub(super) fn journal_of_take(desk: &Desk, order: OrderId, take: &Take, now: Timestamp) -> Vec<InventoryTx> {
    let entry = |kind, owner: String, line, reserved| InventoryTx {
        id: desk.id(now),
        stock: take.stock,
        kind,
        owner,
        line,
        on_hand: 0,
        reserved,
    };
    let mut entries = vec![entry(TxKind::Hold, order.to_string(), Some(take.line), take.qty)];
    if let Some(activity) = take.activity {
        entries.push(entry(TxKind::GiveBack, activity.to_string(), None, -take.qty));
    }
    entries
}

fn created(desk: &Desk, asked: &Asked, one: &Accepted) -> Event {
    let lines: Vec<_> = one
        .decided
        .lines
        .iter()
        .map(|line| json!({ "line": line.id, "sku": line.sku, "sku_code": line.sku_code, "qty": line.qty, "unit_price": line.unit_price, "amount": line.amount }))
        .collect();
    let particulars = json!({ "lines": lines, "hold_until": one.order.hold_until, "pay_until": one.order.pay_until });
    desk.order_event(&asked.caller, &one.order, EventName::OrderCreated, particulars)
}

/// What makes two requests the same: everything in them.
fn hash(customer: CustomerId, request: &OrderRequest) -> String {
    let items: Vec<_> = request
        .items
        .iter()
        .map(|item| json!([item.sku, item.qty, item.batch, item.activity, item.price_snapshot]))
        .collect();
    let whole = json!([
        customer,
        items,
        request.address,
        request.channel,
        request.coupons,
        request.invoice,
        request.remark,
        request.metadata,
        request.expected_total
    ]);
    hex(&Sha256::digest(whole.to_string()))
}

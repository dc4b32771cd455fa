//! What the tab of an order decides is done here: stock is taken, the order moves, everything is written in one commit.

use super::Desk;
use super::move_order::{leaving, reserve};
use crate::caller::{Caller, Role};
use crate::catalog::ProductKind;
use crate::event::{Event, EventName};
use crate::money::Money;
use crate::order::{Act, Hold, Line, Order, OrderError, OrderId, State, Step};
use crate::payment::{Cause, Payment, PaymentError, PaymentState, Refund, RefundState, Tab};
use crate::store::{StoreError, Tx};
use crate::tenant::Settings;
use serde_json::{Value, json};

/// What happened to the order on a tab while it was settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settling {
    /// Money moved at most.
    Still,
    Paid,
    /// The money came after the goods had gone.
    TooLate,
}

pub(super) const NOT_NEEDED: &str = "the order did not need it";
const TOO_LATE: &str = "sold out before the payment came";

pub(super) async fn open_tab(tx: &mut Tx, caller: &Caller, order: OrderId, desk: &Desk) -> Result<Tab, PaymentError> {
    let order = super::move_order::load(tx, caller, order).await?;
    let payments = tx.payments(caller.tenant, &[order.id]).await?;
    Ok(Tab::open(order, payments, desk.now()))
}

/// The tab of an order whose money no bank decides about. What it owes already goes back first, for reasons of its own, so that
/// what this request asks for and what goes back for it are the same.
pub(super) async fn open_undisputed(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    order: OrderId,
) -> Result<Tab, PaymentError> {
    let mut tab = open_tab(tx, caller, order, desk).await?;
    must_be_undisputed(tx, caller, order).await?;
    settle(desk, tx, caller, &mut tab, NOT_NEEDED).await?;
    Ok(tab)
}

/// While a bank decides about money of an order, nobody else moves any.
pub(super) async fn must_be_undisputed(tx: &mut Tx, caller: &Caller, order: OrderId) -> Result<(), PaymentError> {
    let disputes = tx.disputes_of(caller.tenant, order).await?;
    if disputes.iter().all(|dispute| dispute.state.is_final()) { Ok(()) } else { Err(PaymentError::DisputeUndecided) }
}

/// Who asks for a refund, where, with what has gone back before, so much of one order is not to go back on one person's word.
pub(super) fn asked_by<'a>(caller: &'a Caller, settings: &Settings, tab: &Tab, amount: Money) -> Option<&'a str> {
    let limit = settings.refund_check_over?;
    (tab.given_back().saturating_add(amount.minor()) > limit).then_some(caller.who.as_str())
}

/// Brings an order to where its money allows: paid if all has come in, canceled if the goods have gone meanwhile; and what
/// it does not need goes back.
pub(super) async fn settle(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    tab: &mut Tab,
    cause: impl Into<Cause<'_>>,
) -> Result<Settling, PaymentError> {
    let mut settling = Settling::Still;
    if tab.is_covered()? {
        settling = if tab.order.state == State::PendingPayment {
            pay_or_cancel(desk, tx, caller, &mut tab.order, tab.now).await?
        } else {
            Settling::Still
        };
        if tab.order.state != State::Canceled && !tab.order.state.is_unpaid() {
            tab.redeem()?;
            tab.close_open();
        }
    }
    if tab.order.state == State::Canceled {
        tab.close_open();
    }
    let now = tab.now;
    tab.settle(&cause.into(), || desk.id(now))?;
    tab.touch_order();
    Ok(settling)
}

async fn pay_or_cancel(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    order: &mut Order,
    now: crate::time::Timestamp,
) -> Result<Settling, PaymentError> {
    if order.hold == Hold::Expired {
        match take_again(desk, tx, caller, order).await {
            Ok(()) => {}
            Err(OrderError::InsufficientStock { .. }) => {
                order.act(Act::CancelUnpaid, Role::System, now)?;
                TOO_LATE.clone_into(&mut order.cancel_reason);
                return Ok(Settling::TooLate);
            }
            Err(error) => return Err(error.into()),
        }
    }
    order.act(Act::Pay, Role::System, now)?;
    if order.hold != Hold::None {
        order.hold = Hold::Consumed;
    }
    Ok(Settling::Paid)
}

/// Reserves the goods of an order whose hold is over once more.
pub(super) async fn take_again(desk: &Desk, tx: &mut Tx, caller: &Caller, order: &mut Order) -> Result<(), OrderError> {
    let lines = tx.order_lines(caller.tenant, &[order.id]).await?;
    // An activity that sold on meanwhile is not asked again: the goods come from the pool.
    let lines: Vec<Line> = lines.into_iter().map(|line| Line { activity: None, ..line }).collect();
    reserve(desk, tx, caller, order.id, &lines, desk.now()).await?;
    order.hold = Hold::Held;
    Ok(())
}

/// A tab that is to be written, and what is to be said about its order.
pub(super) struct Outcome<'a> {
    pub(super) tab: &'a Tab,
    pub(super) settling: Settling,
    /// Events of the order beside those that settling it brings.
    pub(super) events: Vec<Event>,
}

/// Writes tabs with their orders, bookings and events: five statements however many there are, one more where refunds came up.
pub(super) async fn save_tabs(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    outcomes: Vec<Outcome<'_>>,
) -> Result<(), PaymentError> {
    let tabs: Vec<&Tab> = outcomes.iter().map(|outcome| outcome.tab).collect();
    let transfers: Vec<_> = tabs.iter().flat_map(|tab| tab.transfers.iter().cloned()).collect();
    let orders: Vec<Order> = tabs.iter().map(|tab| tab.order.clone()).collect();
    tx.book(caller.tenant, &transfers).await?;
    tx.save_tabs(caller.tenant, &tabs).await?;
    tx.save_orders(caller.tenant, &orders).await?;
    // What an order that came to nothing used can be used again.
    let canceled = orders.iter().filter(|order| order.state == State::Canceled && order.coupons().next().is_some());
    tx.return_coupons(caller.tenant, &canceled.map(|order| order.id).collect::<Vec<_>>()).await?;
    let mut events = Vec::new();
    for Outcome { tab, settling, events: of_order } in outcomes {
        let says_nothing = !of_order.iter().any(|event| event.subject == tab.order.id.to_string());
        events.extend(of_order);
        match settling {
            // Every version of an order has its event.
            Settling::Still if says_nothing => {
                events.push(desk.order_event(caller, &tab.order, EventName::OrderPaymentChanged, json!({})));
            }
            Settling::Paid => events.push(desk.order_event(caller, &tab.order, EventName::OrderPaid, json!({}))),
            Settling::TooLate => {
                let reason = json!({ "reason": "sold_out" });
                events.push(desk.order_event(caller, &tab.order, EventName::OrderCanceled, reason));
            }
            Settling::Still => {}
        }
        events.extend(tab.moved().filter_map(|payment| payment_event(desk, caller, &tab.order, payment)));
        for refund in &tab.refunds {
            events.push(refund_event(desk, caller, &tab.order, refund));
        }
    }
    Ok(tx.record(caller.tenant, &events).await?)
}

/// Writes one tab; the order on it is [touched](Order::touch) by whoever changed it, or here.
pub(super) async fn save_tab(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    tab: &Tab,
    settling: Settling,
    events: Vec<Event>,
) -> Result<(), PaymentError> {
    save_tabs(desk, tx, caller, vec![Outcome { tab, settling, events }]).await
}

/// Virtual goods have no way to go: they are delivered in the moment they are paid.
pub(super) async fn deliver_virtual(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    order: &mut Order,
) -> Result<(), OrderError> {
    let Step::Moved(delivered) = order.act(Act::DeliverVirtual, Role::System, desk.now())? else { return Ok(()) };
    let held = tx.held(caller.tenant, &[order.id.to_string()], order.updated_at).await?;
    tx.move_stock(caller.tenant, &leaving(desk, &held, order.updated_at), order.updated_at).await?;
    super::move_order::save(desk, tx, caller, order, delivered, json!({})).await?;
    Ok(())
}

/// Whether anything of an order has to be shipped.
pub(super) async fn ships(tx: &mut Tx, caller: &Caller, order: OrderId) -> Result<bool, StoreError> {
    let lines = tx.order_lines(caller.tenant, &[order]).await?;
    Ok(lines.iter().any(|line| line.kind == ProductKind::Physical))
}

/// What is told of a payment that has come to another state; of refunds, the refund itself tells.
fn payment_event(desk: &Desk, caller: &Caller, order: &Order, payment: &Payment) -> Option<Event> {
    let name = match payment.state {
        PaymentState::Unpaid => EventName::PaymentCreated,
        PaymentState::Paid => EventName::PaymentSucceeded,
        PaymentState::Failed => EventName::PaymentFailed,
        PaymentState::Closed => EventName::PaymentClosed,
        PaymentState::Paying | PaymentState::PartiallyRefunded | PaymentState::Refunded => return None,
    };
    let payload: Value = json!({
        "order": payment.order, "order_no": order.order_no, "customer": order.customer, "channel": payment.channel,
        "state": payment.state.to_string(), "amount": payment.amount, "refunded": payment.refunded,
    });
    let event = Event::new(desk.id(payment.updated_at), name, payment.id, caller, payment.updated_at, payload);
    Some(event.of_version(payment.version))
}

/// `Refund.Requested`, `Refund.Approved`, `Refund.Succeeded` or `Refund.Failed`, by the state the refund has come to.
/// Its reason stays with the refund: people write anything into it.
pub(super) fn refund_event(desk: &Desk, caller: &Caller, order: &Order, refund: &Refund) -> Event {
    let name = match refund.state {
        RefundState::Requested => EventName::RefundRequested,
        RefundState::Approved | RefundState::Processing => EventName::RefundApproved,
        RefundState::Refunded => EventName::RefundSucceeded,
        RefundState::Failed => EventName::RefundFailed,
    };
    let payload = json!({
        "order": refund.order, "order_no": order.order_no, "customer": order.customer, "payment": refund.payment,
        "case": refund.case, "state": refund.state.to_string(), "amount": refund.amount,
    });
    Event::new(desk.id(refund.updated_at), name, refund.id, caller, refund.updated_at, payload)
        .of_version(refund.version)
}

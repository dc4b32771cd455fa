//! What shoppers change after ordering: where it goes, which variant, whether at all.

use super::move_order::{give_back, reserve};
use super::plan_parcels::replan;
use super::tab::{Settling, open_tab, save_tab, settle};
use super::{Desk, Shop};
use crate::caller::Caller;
use crate::catalog::{ProductKind, SkuId};
use crate::checkout::{PricedLine, Share, Totals, total_up};
use crate::customer::AddressId;
use crate::event::EventName;
use crate::inventory::TxKind;
use crate::money::{Money, Round};
use crate::order::{Act, ChangeRule, Hold, Line, LineId, Order, OrderError, OrderId, State, Step};
use crate::payment::Tab;
use crate::permission::Permission;
use crate::pricing::{Buyer, quote};
use crate::store::{Ask, Opened, Settled, Tx};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The order after a swap, and what it leaves to settle.
#[derive(Clone, Debug)]
pub struct Swapped {
    pub order: Order,
    /// Above zero the shopper owes it, below zero gets it back. Before payment it is already in the total.
    pub difference: Money,
}

impl Shop {
    /// Sends the order to another address of the same customer. Freight is worked out again.
    pub async fn change_address(
        &self,
        caller: &Caller,
        id: OrderId,
        address: AddressId,
    ) -> Result<Swapped, OrderError> {
        caller.may_as_owner_or(Permission::WriteOrders)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut tab = open_tab(&mut tx, caller, id, desk).await?;
                let order = &mut tab.order;
                if !order.state.is_before_shipping() {
                    return Err(refused(ChangeRule::AddressOnlyBeforeShipping));
                }
                let opened = open(&mut tx, caller, order, Some(address)).await?;
                let Some(destination) = &opened.destination else {
                    return Err(refused(ChangeRule::AddressOfTheSameCustomer));
                };
                let lines = tx.order_lines(caller.tenant, &[id]).await?;
                if lines.iter().all(|line| line.kind == ProductKind::Virtual) {
                    return Err(refused(ChangeRule::NothingToAddress));
                }
                if order.destination == *destination {
                    let difference = Money::zero(order.currency);
                    return Ok(tx.leave(Swapped { order: tab.order, difference }));
                }
                order.destination = destination.clone();
                let difference = order.retotal(totals(&lines, order, &opened)?)?;
                let particulars = json!({ "difference": difference });
                change(desk, tx, caller, tab, EventName::OrderAddressChanged, particulars, difference).await
            })
            .await
    }

    /// Replaces a line's variant by another one of the same product: the goods change hands at once, and the price
    /// difference is added to the total before payment, or left to settle after it.
    pub async fn swap_variant(
        &self,
        caller: &Caller,
        id: OrderId,
        line: LineId,
        to: SkuId,
    ) -> Result<Swapped, OrderError> {
        caller.may_as_owner_or(Permission::WriteOrders)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut tab = open_tab(&mut tx, caller, id, desk).await?;
                if let Some(difference) = tx.answered(caller, SWAP).await? {
                    let difference = Money::parse(&difference, tab.order.currency)?;
                    return Ok(tx.leave(Swapped { order: tab.order, difference }));
                }
                let order = &mut tab.order;
                let mut lines = tx.order_lines(caller.tenant, &[id]).await?;
                let opened = open(&mut tx, caller, order, None).await?;
                if !(order.state.is_unpaid() || matches!(order.state, State::Paid | State::Allocated)) {
                    return Err(refused(ChangeRule::SwapOnlyBeforePicking));
                }
                let i = lines.iter().position(|known| known.id == line).ok_or(refused(ChangeRule::ChangesNeedALine))?;
                let swapped = swapped_line(desk, &mut tx, caller, order, &lines[i], &opened, to).await?;
                let was = std::mem::replace(&mut lines[i], swapped);
                exchange_goods(desk, &mut tx, caller, order, &lines[i]).await?;
                tx.save_line(caller.tenant, &lines[i]).await?;
                if order.state == State::Allocated {
                    replan(desk, &mut tx, caller, order).await?;
                }
                let difference = order.retotal(totals(&lines, order, &opened)?)?;
                tx.keep_answer(caller, SWAP, &difference.amount(), order.updated_at).await?;
                let particulars = json!({ "line": line, "from": was.sku, "to": to, "difference": difference });
                change(desk, tx, caller, tab, EventName::OrderVariantSwapped, particulars, difference).await
            })
            .await
    }

    /// Cancels an order that has not left yet and gives its goods back. What was paid goes back by every way it came.
    pub async fn cancel_order(&self, caller: &Caller, id: OrderId, reason: &str) -> Result<Order, OrderError> {
        caller.may_as_owner_or(Permission::WriteOrders)?;
        let desk = &*self.desk;
        let reason = &reason.chars().take(200).collect::<String>();
        desk.store
            .write(move |mut tx| async move {
                let mut tab = open_tab(&mut tx, caller, id, desk).await?;
                let order = &mut tab.order;
                let act = if order.state.is_unpaid() || order.state == State::Canceled {
                    Act::CancelUnpaid
                } else {
                    Act::CancelPaid
                };
                let Step::Moved(event) = order.act(act, caller.role(), tab.now)? else {
                    return Ok(tx.leave(tab.order));
                };
                release(desk, &mut tx, caller, std::slice::from_mut(order), TxKind::Release, Hold::Released).await?;
                tx.unplan_parcels(caller.tenant, id, order.updated_at).await?;
                // The words stay with the order: a shopper may have written anything into them.
                order.cancel_reason.clone_from(reason);
                settle(desk, &mut tx, caller, &mut tab, "the order was canceled").await?;
                let canceled = desk.order_event(caller, &tab.order, event, json!({ "reason": "requested" }));
                save_tab(desk, &mut tx, caller, &tab, Settling::Still, vec![canceled]).await?;
                Ok(tx.keep(tab.order).await?)
            })
            .await
    }
}

const SWAP: &str = "swap";

/// Writes an order that costs something else now. What open payments were for is not what it costs any more: they end. What
/// was paid too much goes back; what is missing now, the shopper still has to [pay](Shop::pay).
async fn change(
    desk: &Desk,
    mut tx: Tx,
    caller: &Caller,
    mut tab: Tab,
    event: EventName,
    particulars: Value,
    difference: Money,
) -> Result<Settled<Swapped>, OrderError> {
    if !difference.is_zero() {
        tab.close_open();
    }
    let settling = settle(desk, &mut tx, caller, &mut tab, "the order was changed").await?;
    let changed = desk.order_event(caller, &tab.order, event, particulars);
    save_tab(desk, &mut tx, caller, &tab, settling, vec![changed]).await?;
    Ok(tx.keep(Swapped { order: tab.order, difference }).await?)
}

pub(super) fn refused(rule: ChangeRule) -> OrderError {
    OrderError::Refused { rule }
}

/// Gives back what these orders hold, if they hold anything.
pub(super) async fn release(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    orders: &mut [Order],
    kind: TxKind,
    to: Hold,
) -> Result<(), OrderError> {
    let now = desk.now();
    let mut owners = Vec::new();
    for order in orders.iter_mut().filter(|order| matches!(order.hold, Hold::Held | Hold::Consumed)) {
        order.hold = to;
        owners.push(order.id.to_string());
    }
    if owners.is_empty() {
        return Ok(());
    }
    let held = tx.held(caller.tenant, &owners, now).await?;
    Ok(give_back(desk, tx, caller, &held, kind, now).await?)
}

pub(super) async fn open(
    tx: &mut Tx,
    caller: &Caller,
    order: &Order,
    address: Option<AddressId>,
) -> Result<Opened, OrderError> {
    let ask = Ask { customer: order.customer, address, scope: "", key: "" };
    tx.open_orders(caller.tenant, &[ask]).await?.pop().ok_or(OrderError::NotFound)
}

/// The line as it would be with the other variant, priced now as it was bought: same channel, same buyer.
pub(super) async fn swapped_line(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    order: &Order,
    line: &Line,
    opened: &Opened,
    to: SkuId,
) -> Result<Line, OrderError> {
    if line.sku == to {
        return Err(refused(ChangeRule::SwapToAnotherVariant));
    }
    let now = desk.now();
    let offers = tx.offers(caller.tenant, order.currency, &BTreeSet::from([to]), now).await?;
    let offer = offers
        .get(&to)
        .filter(|offer| offer.product == line.product)
        .ok_or(refused(ChangeRule::SwapWithinTheProduct))?;
    if !offer.is_on_sale {
        return Err(refused(ChangeRule::SwapToWhatIsOnSale));
    }
    let level = opened.level.unwrap_or(crate::customer::Level::Regular);
    let buyer = Buyer { level, channel: order.channel.clone() };
    // The activity's price was for the variant it offered, not for this one.
    let quote = quote(offer.list_price, offer.floor_price, &offer.prices, &buyer, None, now)?;
    let priced = PricedLine::new(offer, line.qty, quote, &opened.settings.tax)?;
    // The rules took a share off the line; they take the same share off the other variant, down to its floor price.
    let floor = offer.floor_price.times(i64::from(line.qty))?;
    let room = priced.amount.checked_sub(floor)?.at_least(Money::zero(order.currency))?;
    let share = if line.discount.is_zero() {
        line.discount
    } else {
        priced.amount.share(line.discount, line.amount, Round::HalfEven)?
    };
    let discount = Money::from_minor(share.minor().min(room.minor()), order.currency);
    let priced = priced.reduced(discount, &opened.settings.tax)?;
    Ok(Line::new(line.id, line.order, line.position, &priced))
}

async fn exchange_goods(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    order: &Order,
    line: &Line,
) -> Result<(), OrderError> {
    if !matches!(order.hold, Hold::Held | Hold::Consumed) {
        return Ok(());
    }
    let now = desk.now();
    let held = tx.held(caller.tenant, &[order.id.to_string()], now).await?;
    let of_line: Vec<_> = held.into_iter().filter(|part| part.line == Some(line.id)).collect();
    give_back(desk, tx, caller, &of_line, TxKind::Release, now).await?;
    reserve(desk, tx, caller, order.id, std::slice::from_ref(line), now).await
}

/// The order's totals as its lines are now. Prices stay as they were agreed; only freight and sums are worked out again.
fn totals(lines: &[Line], order: &Order, opened: &Opened) -> Result<Totals, OrderError> {
    let shares: Vec<Share> = lines.iter().map(Line::share).collect();
    let (to, settings) = (&order.destination.province, &opened.settings);
    Ok(total_up(&shares, to, order.currency, &settings.freight, order.freight_relief(), &settings.tax)?)
}

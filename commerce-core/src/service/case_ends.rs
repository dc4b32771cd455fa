//! What follows when a case is decided: goods back on their shelves, money back, other goods out; and where the order goes on.

use super::Desk;
use super::case::{added_tax, keep_case, line_of, step};
use super::change_order::{open, refused, swapped_line};
use super::move_order::{give_back_what_never_left, reserve};
use super::plan_parcels::plan_more;
use super::tab::{Settling, asked_by, open_undisputed, save_tab, settle};
use crate::after_sale::{Case, CaseAct, CaseId, CaseKind, CaseStatus};
use crate::caller::{Caller, Role};
use crate::fulfilment::{Parcel, ParcelState};
use crate::inventory::{InventoryTx, TxKind};
use crate::money::{Money, Round};
use crate::order::{Act, ChangeRule, Line, LineId, Order, OrderError, State, Step};
use crate::payment::{Cause, PaymentError, RefundState, Tab};
use crate::store::Tx;
use serde_json::json;

/// The goods go back to the piles they came from.
pub(super) async fn restock(desk: &Desk, tx: &mut Tx, caller: &Caller, case: &Case) -> Result<(), OrderError> {
    let now = desk.now();
    let line = line_of(tx, caller, case).await?;
    let shipped = tx.shipped(caller.tenant, case.order, line.id).await?;
    let mut journal: Vec<InventoryTx> = Vec::new();
    for sku in shipped.iter().map(|(_, sku, _)| *sku).collect::<std::collections::BTreeSet<_>>() {
        let piles: Vec<_> = shipped.iter().filter(|(_, of, _)| *of == sku).collect();
        // Of a bundle, several pieces for each one that was bought.
        let each = piles.iter().map(|(_, _, qty)| qty).sum::<i64>() / i64::from(line.qty.max(1));
        let (mut skip, mut left) = (each * i64::from(line.returned_qty), each * i64::from(case.qty));
        for (stock, _, qty) in piles {
            let passed = skip.min(*qty);
            skip -= passed;
            let back = left.min(qty - passed);
            left -= back;
            if back > 0 {
                let (id, kind, owner) = (desk.id(now), TxKind::Return, case.id.to_string());
                journal.push(InventoryTx {
                    id,
                    stock: *stock,
                    kind,
                    owner,
                    line: Some(line.id),
                    on_hand: back,
                    reserved: 0,
                });
            }
        }
    }
    Ok(tx.move_stock(caller.tenant, &journal, now).await?)
}

/// What was paid for the goods of a case goes back; with the last of them the freight, if the shop was at fault.
pub(super) async fn give_back_money(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    case: &mut Case,
) -> Result<(), OrderError> {
    let mut tab = open_undisputed(desk, tx, caller, case.order).await?;
    let mut lines = tx.order_lines(caller.tenant, &[case.order]).await?;
    let opened = open(tx, caller, &tab.order, None).await?;
    let line = lines.iter_mut().find(|line| Some(line.id) == case.line);
    let line = line.ok_or(refused(ChangeRule::ChangesNeedALine))?;
    // Reckoned anew: other cases of the line may have ended first.
    case.refund_amount = line.worth(case.qty, added_tax(line, &opened))?;
    take_back(line, case)?;
    tx.save_line(caller.tenant, line).await?;
    let is_all_back = lines.iter().all(|line| line.returned_qty == line.qty);
    if is_all_back && case.reason.is_the_shops_fault() {
        case.refund_amount = case.refund_amount.checked_add(tab.order.freight)?;
    }
    // Never more than what was paid and has not gone back.
    let most = tab.order.paid.minor().max(0);
    case.refund_amount = Money::from_minor(case.refund_amount.minor().min(most), tab.order.currency);
    let asked_by = asked_by(caller, &opened.settings, &tab, case.refund_amount);
    tab.order.returned = tab.order.returned.checked_add(case.refund_amount)?;
    let note = case.reason.to_string();
    let cause = Cause { reason: &note, case: Some(case.id), asked_by };
    let settling = settle(desk, tx, caller, &mut tab, cause).await?;
    save_tab(desk, tx, caller, &tab, settling, Vec::new()).await?;
    step(case, CaseAct::Process, Role::System, "", desk.now())?;
    // Money that needs no channel is back already.
    let mut of_case = tab.refunds.iter().filter(|refund| refund.case == Some(case.id));
    if of_case.all(|refund| refund.state == RefundState::Refunded) {
        step(case, CaseAct::Finish, Role::System, "", desk.now())?;
        move_refunded(desk, tx, caller, &mut tab).await?;
    }
    Ok(())
}

/// So many of the line have come back, and not more than were bought.
fn take_back(line: &mut Line, case: &Case) -> Result<(), OrderError> {
    let back = line.returned_qty.checked_add(case.qty).filter(|back| *back <= line.qty);
    line.returned_qty = back.ok_or(refused(ChangeRule::AfterSaleNotMoreThanBought))?;
    Ok(())
}

/// An order some or all of whose money has gone back.
async fn move_refunded(desk: &Desk, tx: &mut Tx, caller: &Caller, tab: &mut Tab) -> Result<(), OrderError> {
    let act = if tab.is_given_back()? { Act::RefundAll } else { Act::RefundSome };
    let order = &mut tab.order;
    if order.state.leads_by(act, Role::System).is_none() {
        return Ok(());
    }
    if let Step::Moved(event) = order.act(act, Role::System, desk.now())? {
        if order.state.is_final() {
            give_back_what_never_left(desk, tx, caller, order).await?;
        }
        super::move_order::save(desk, tx, caller, order, event, json!({})).await?;
    }
    Ok(())
}

/// The other goods are taken from the shelf and a parcel is planned for them; the difference is settled.
pub(super) async fn exchange(desk: &Desk, tx: &mut Tx, caller: &Caller, case: &mut Case) -> Result<(), OrderError> {
    let now = desk.now();
    let mut tab = open_undisputed(desk, tx, caller, case.order).await?;
    let opened = open(tx, caller, &tab.order, None).await?;
    let mut old = line_of(tx, caller, case).await?;
    let to = case.exchange_to.ok_or(refused(ChangeRule::ExchangeNeedsAVariant))?;
    let worth = old.worth(case.qty, added_tax(&old, &opened))?;
    // The share of the discount that the old ones had goes over to the new ones.
    let part = Line {
        qty: case.qty,
        amount: old.unit_price.times(i64::from(case.qty))?,
        discount: old.discount.share(pieces(case.qty, &old), pieces(old.qty, &old), Round::Down)?,
        ..old.clone()
    };
    let new = swapped_line(desk, tx, caller, &tab.order, &part, &opened, to).await?;
    let position = u32::try_from(tx.order_lines(caller.tenant, &[case.order]).await?.len()).unwrap_or(u32::MAX);
    let new = Line { id: desk.id(now), position, activity: None, batch: None, ..new };
    take_back(&mut old, case)?;
    tx.save_line(caller.tenant, &old).await?;
    tx.insert_lines(caller.tenant, std::slice::from_ref(&new)).await?;
    reserve(desk, tx, caller, case.order, std::slice::from_ref(&new), now).await?;
    plan_more(desk, tx, caller, case.order, new.id).await?;
    let price = new.worth(new.qty, added_tax(&new, &opened))?;
    let cheaper = worth.checked_sub(price)?;
    let asked_by = asked_by(caller, &opened.settings, &tab, cheaper);
    tab.order.returned = tab.order.returned.checked_add(cheaper)?;
    case.line = Some(new.id);
    step(case, CaseAct::Process, Role::System, "", now)?;
    let note = case.reason.to_string();
    let cause = Cause { reason: &note, case: None, asked_by };
    settle(desk, tx, caller, &mut tab, cause).await?;
    save_tab(desk, tx, caller, &tab, Settling::Still, Vec::new()).await?;
    Ok(())
}

fn pieces(count: u32, line: &Line) -> Money {
    Money::from_minor(i64::from(count), line.amount.currency())
}

/// A case came to its end without goods or money moving: the order goes on where it was.
pub(super) async fn go_on(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    case: &Case,
    order: &mut Order,
) -> Result<(), OrderError> {
    let cases = tx.cases_of(caller.tenant, &[case.order]).await?;
    let is_the_last = !cases.iter().any(|other| other.id != case.id && other.status.is_open());
    if order.state != State::AfterSaleOpen || !is_the_last {
        return Ok(());
    }
    let parcels = tx.parcels(caller.tenant, &[case.order]).await?;
    let is_under_way = parcels.iter().any(|parcel| parcel.state != ParcelState::Delivered);
    let is_money = |case: &Case| matches!(case.kind, CaseKind::Refund | CaseKind::Return);
    let was_refunded = cases.iter().any(|other| is_money(other) && other.status == CaseStatus::Done);
    let act = match (is_under_way, was_refunded) {
        (true, _) => Act::ResumeDelivery,
        (false, true) => Act::RefundSome,
        (false, false) => Act::EndAfterSale,
    };
    if let Step::Moved(event) = order.act(act, Role::System, desk.now())? {
        super::move_order::save(desk, tx, caller, order, event, json!({})).await?;
    }
    Ok(())
}

/// Refunds of an order have come to their end: cases whose money has arrived are done, those whose money a channel would not
/// give back have failed until the shop owes nothing any more.
pub(super) async fn refunds_ended(desk: &Desk, tx: &mut Tx, caller: &Caller, tab: &mut Tab) -> Result<(), OrderError> {
    let refunds = tx.refunds_of(caller.tenant, &[tab.order.id]).await?;
    let is_owed = tab.order.owes()?.is_negative();
    let mut is_any_done = false;
    for mut case in tx.cases_of(caller.tenant, &[tab.order.id]).await? {
        let of_case = || refunds.iter().filter(|refund| refund.case == Some(case.id)).map(|refund| refund.state);
        // An exchange is done when the other goods have arrived.
        if case.kind == CaseKind::Exchange || of_case().any(|state| !state.is_final()) {
            continue;
        }
        let has_failed = is_owed && of_case().any(|state| state == RefundState::Failed);
        let act = if has_failed { CaseAct::Fail } else { CaseAct::Finish };
        if !matches!(case.status, CaseStatus::Processing | CaseStatus::Failed)
            || case.status.leads_by(act, Role::System).is_none()
        {
            continue;
        }
        step(&mut case, act, Role::System, "", desk.now())?;
        keep_case(desk, tx, caller, &mut case).await?;
        is_any_done |= act == CaseAct::Finish;
    }
    if is_any_done { move_refunded(desk, tx, caller, tab).await } else { Ok(()) }
}

/// A second person would not have the money of a case go back: it is turned down after all.
pub(super) async fn refund_rejected(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    id: CaseId,
    order: &mut Order,
    why: &str,
) -> Result<(), OrderError> {
    let Some(mut case) = tx.case(caller.tenant, id).await? else { return Ok(()) };
    if case.status.leads_by(CaseAct::TurnDown, Role::System).is_none() {
        return Ok(());
    }
    step(&mut case, CaseAct::TurnDown, Role::System, why, desk.now())?;
    if case.kind == CaseKind::Refund {
        // The goods never came back: they can be applied for again.
        let line = line_of(tx, caller, &case).await?;
        tx.save_line(caller.tenant, &Line { returned_qty: line.returned_qty - case.qty, ..line }).await?;
    }
    keep_case(desk, tx, caller, &mut case).await?;
    go_on(desk, tx, caller, &case, order).await
}

/// A parcel with goods sent in exchange has passed to `to`: once it has arrived, the case is done.
pub(super) async fn exchanged(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    order: &mut Order,
    parcels: &[Parcel],
    to: ParcelState,
) -> Result<(), OrderError> {
    let owes = order.owes()?;
    if to == ParcelState::Shipped && owes.minor() > 0 {
        return Err(PaymentError::Incomplete { left: owes }.into());
    }
    let has_arrived = |line: Option<LineId>| {
        let mut of_line = parcels.iter().filter(|parcel| parcel.items.iter().any(|item| Some(item.line) == line));
        of_line.all(|parcel| parcel.state == ParcelState::Delivered)
    };
    for mut case in tx.cases_of(caller.tenant, &[order.id]).await? {
        let waits = case.kind == CaseKind::Exchange && case.status == CaseStatus::Processing;
        if to == ParcelState::Delivered && waits && has_arrived(case.line) {
            step(&mut case, CaseAct::Finish, Role::System, "", desk.now())?;
            keep_case(desk, tx, caller, &mut case).await?;
            go_on(desk, tx, caller, &case, order).await?;
        }
    }
    Ok(())
}

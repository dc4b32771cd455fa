//! After-sale: what shoppers apply for, what the shop answers, and what follows: goods back, money back, other goods out.

use super::change_order::{open, refused, swapped_line};
use super::fulfil::plan_more;
use super::move_order::{load, reserve};
use super::refund::asked_by;
use super::tab::{Settling, open_tab, save_tab, settle};
use super::{Desk, Shop};
use crate::after_sale::{Case, CaseAct, CaseId, CaseKind, CaseStatus, Reason};
use crate::caller::{Caller, Role};
use crate::catalog::{ProductKind, SkuId};
use crate::checkout::TaxMode;
use crate::event::Event;
use crate::fulfilment::{Parcel, ParcelState};
use crate::inventory::{InventoryTx, TxKind};
use crate::money::{Money, Round};
use crate::order::{Act, ChangeRule, Line, LineId, Order, OrderError, OrderId, State, Step};
use crate::payment::{Cause, PaymentError, RefundState};
use crate::store::{Opened, StoreError, Tx};
use crate::time::{HOUR, Timestamp};
use serde_json::json;

/// What is applied for.
#[derive(Clone, Debug)]
pub struct CaseRequest {
    pub kind: CaseKind,
    /// Which lines, and how many of each.
    pub items: Vec<(LineId, u32)>,
    /// The variant wanted instead, for an exchange.
    pub exchange_to: Option<SkuId>,
    pub reason: Reason,
    pub note: String,
}

/// In what condition goods came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// They go back to the pile they came from.
    Resell,
    Scrap,
}

const ANSWERED_WITHIN: i64 = 24 * HOUR;
const MOST_CASES: u32 = 10_000;
const LONGEST_NOTE: usize = 500;

impl Shop {
    /// Applies for something to be done about lines of an order: one case for each.
    pub async fn apply_after_sale(
        &self,
        caller: &Caller,
        order: OrderId,
        request: &CaseRequest,
    ) -> Result<Vec<Case>, OrderError> {
        if request.items.is_empty() {
            return Err(refused(ChangeRule::AfterSaleNeedsItems));
        }
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut order = load(&mut tx, caller, order).await?;
                let lines = tx.order_lines(caller.tenant, &[order.id]).await?;
                let known = tx.cases_of(caller.tenant, &[order.id]).await?;
                let opened = open(&mut tx, caller, &order, None).await?;
                let mut cases: Vec<Case> = Vec::with_capacity(request.items.len());
                for (line, qty) in &request.items {
                    let line = lines.iter().find(|known| known.id == *line);
                    let line = line.ok_or(refused(ChangeRule::ChangesNeedALine))?;
                    let beside: Vec<&Case> = known.iter().chain(&cases).collect();
                    may_apply(&order, line, *qty, request, &beside)?;
                    if request.kind == CaseKind::Exchange {
                        let to = request.exchange_to.ok_or(refused(ChangeRule::ExchangeNeedsAVariant))?;
                        // Refuses what cannot be exchanged now, rather than when the goods have come back.
                        swapped_line(desk, &mut tx, caller, &order, line, &opened, to).await?;
                    }
                    cases.push(new_case(desk, &order, line, *qty, request, &opened)?);
                }
                if request.kind != CaseKind::Complaint
                    && let Step::Moved(event) = order.act(Act::OpenAfterSale, caller.role(), desk.now())?
                {
                    super::move_order::save(desk, &mut tx, caller, &order, event, json!({})).await?;
                }
                tx.insert_cases(caller.tenant, &cases).await?;
                let applied: Vec<Event> = cases.iter().map(|case| told(desk, caller, case)).collect();
                tx.record(caller.tenant, &applied).await?;
                Ok(tx.keep(cases).await?)
            })
            .await
    }

    /// The cases of an order, oldest first.
    pub async fn cases(&self, caller: &Caller, order: OrderId) -> Result<Vec<Case>, OrderError> {
        let mut conn = self.desk.store.read().await?;
        conn.order(caller.tenant, caller.owner(), order).await?.ok_or(OrderError::NotFound)?;
        Ok(conn.cases_of(caller.tenant, &[order]).await?)
    }

    /// The cases that wait for the shop, that due first first.
    pub async fn open_cases(&self, caller: &Caller) -> Result<Vec<Case>, OrderError> {
        caller.acts_for_the_shop()?;
        Ok(self.desk.store.read().await?.open_cases(caller.tenant, MOST_CASES).await?)
    }

    /// The shop agrees. Where goods have to come back first, it waits for them; otherwise the money goes back at once.
    pub async fn approve_case(&self, caller: &Caller, id: CaseId, resolution: &str) -> Result<Case, OrderError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut case = load_case(&mut tx, caller, id).await?;
                step(&mut case, CaseAct::Approve, caller.role(), resolution, desk.now())?;
                if case.kind == CaseKind::Refund {
                    give_back_money(desk, &mut tx, caller, &mut case).await?;
                }
                keep_case(desk, &mut tx, caller, &case).await?;
                Ok(tx.keep(case).await?)
            })
            .await
    }

    /// The goods have come back: the money goes back, or the other goods are got ready.
    pub async fn receive_returned(
        &self,
        caller: &Caller,
        id: CaseId,
        condition: Condition,
    ) -> Result<Case, OrderError> {
        caller.acts_for_the_shop()?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut case = load_case(&mut tx, caller, id).await?;
                if case.status != CaseStatus::Approved || !matches!(case.kind, CaseKind::Return | CaseKind::Exchange) {
                    return Err(OrderError::CaseClosed);
                }
                if condition == Condition::Resell {
                    restock(desk, &mut tx, caller, &case).await?;
                }
                match case.kind {
                    CaseKind::Exchange => exchange(desk, &mut tx, caller, &mut case).await?,
                    _ => give_back_money(desk, &mut tx, caller, &mut case).await?,
                }
                keep_case(desk, &mut tx, caller, &case).await?;
                Ok(tx.keep(case).await?)
            })
            .await
    }

    /// The shop does not agree, and says why.
    pub async fn reject_case(&self, caller: &Caller, id: CaseId, resolution: &str) -> Result<Case, OrderError> {
        self.end_case(caller, id, CaseAct::Reject, resolution).await
    }

    /// The shopper no longer wants it.
    pub async fn withdraw_case(&self, caller: &Caller, id: CaseId) -> Result<Case, OrderError> {
        self.end_case(caller, id, CaseAct::Withdraw, "").await
    }

    /// A complaint has been dealt with.
    pub async fn close_complaint(&self, caller: &Caller, id: CaseId, resolution: &str) -> Result<Case, OrderError> {
        caller.acts_for_the_shop()?;
        let case = self.desk.store.read().await?.case(caller.tenant, id).await?.ok_or(OrderError::CaseClosed)?;
        if case.kind != CaseKind::Complaint {
            return Err(OrderError::CaseClosed);
        }
        self.end_case(caller, id, CaseAct::Finish, resolution).await
    }

    /// Gives a shopper something for their trouble, by the ways they paid.
    pub async fn compensate(
        &self,
        caller: &Caller,
        order: OrderId,
        amount: Money,
        note: &str,
    ) -> Result<Case, OrderError> {
        let case: CaseId = self.desk.id(self.now());
        let back = super::refund::Back { amount, reason: note, case: Some(case) };
        self.give_back(caller, order, back).await?;
        let found = self.desk.store.read().await?.case(caller.tenant, case).await?;
        found.ok_or(OrderError::CaseClosed)
    }

    async fn end_case(&self, caller: &Caller, id: CaseId, act: CaseAct, resolution: &str) -> Result<Case, OrderError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut case = load_case(&mut tx, caller, id).await?;
                step(&mut case, act, caller.role(), resolution, desk.now())?;
                keep_case(desk, &mut tx, caller, &case).await?;
                go_on(desk, &mut tx, caller, &case).await?;
                Ok(tx.keep(case).await?)
            })
            .await
    }
}

/// The case, if there is one about an order that this caller may see.
async fn load_case(tx: &mut Tx, caller: &Caller, id: CaseId) -> Result<Case, OrderError> {
    let case = tx.case(caller.tenant, id).await?.ok_or(OrderError::CaseClosed)?;
    load(tx, caller, case.order).await.map_err(|error| match error {
        OrderError::NotFound => OrderError::CaseClosed,
        other => other,
    })?;
    Ok(case)
}

fn step(case: &mut Case, act: CaseAct, role: Role, resolution: &str, now: Timestamp) -> Result<(), OrderError> {
    case.status = case.status.leads_by(act, role).ok_or(OrderError::CaseClosed)?;
    case.processed_at = Some(now);
    if !resolution.is_empty() {
        case.resolution = resolution.chars().take(LONGEST_NOTE).collect();
    }
    Ok(())
}

async fn keep_case(desk: &Desk, tx: &mut Tx, caller: &Caller, case: &Case) -> Result<(), StoreError> {
    tx.save_case(caller.tenant, case).await?;
    tx.record(caller.tenant, &[told(desk, caller, case)]).await
}

fn told(desk: &Desk, caller: &Caller, case: &Case) -> Event {
    let at = case.processed_at.unwrap_or(case.applied_at);
    let payload = json!({
        "order": case.order, "line": case.line, "kind": case.kind.to_string(), "status": case.status.to_string(),
        "qty": case.qty, "reason": case.reason.to_string(), "refund_amount": case.refund_amount,
    });
    Event::new(desk.id(at), "AfterSale.Changed", case.id, caller, at, payload).of_version(case.version)
}

/// The rules by which an application is refused.
fn may_apply(order: &Order, line: &Line, qty: u32, request: &CaseRequest, beside: &[&Case]) -> Result<(), OrderError> {
    if request.kind == CaseKind::Compensation {
        return Err(refused(ChangeRule::AfterSaleByTheShop));
    }
    // What has come back counts as returned already; a complaint takes nothing.
    let awaited = |case: &&&Case| {
        case.line == Some(line.id)
            && case.kind != CaseKind::Complaint
            && matches!(case.status, CaseStatus::Requested | CaseStatus::Approved)
    };
    let taken: u64 = beside.iter().filter(awaited).map(|case| u64::from(case.qty)).sum();
    if qty == 0 || u64::from(line.returned_qty) + taken + u64::from(qty) > u64::from(line.qty) {
        return Err(refused(ChangeRule::AfterSaleNotMoreThanBought));
    }
    let has_left = matches!(
        order.state,
        State::PartialShipped
            | State::Shipped
            | State::InTransit
            | State::Delivered
            | State::Confirmed
            | State::AfterSaleOpen
            | State::PartialRefunded
    );
    let has_arrived = has_left && !matches!(order.state, State::PartialShipped | State::Shipped | State::InTransit);
    let comes_back = matches!(request.kind, CaseKind::Return | CaseKind::Exchange);
    match request.kind {
        CaseKind::Complaint => Ok(()),
        _ if !has_left => Err(refused(ChangeRule::AfterSaleOnlyAfterShipping)),
        _ if comes_back && line.kind == ProductKind::Virtual => Err(refused(ChangeRule::ReturnOnlyWhatShips)),
        _ if comes_back && !has_arrived => Err(refused(ChangeRule::ReturnOnlyAfterDelivery)),
        _ => Ok(()),
    }
}

fn new_case(
    desk: &Desk,
    order: &Order,
    line: &Line,
    qty: u32,
    request: &CaseRequest,
    opened: &Opened,
) -> Result<Case, OrderError> {
    let now = desk.now();
    let refund_amount = match request.kind {
        CaseKind::Refund | CaseKind::Return => line.worth(qty, added_tax(line, opened))?,
        CaseKind::Exchange | CaseKind::Compensation | CaseKind::Complaint => Money::zero(order.currency),
    };
    Ok(Case {
        id: desk.id(now),
        order: order.id,
        line: Some(line.id),
        kind: request.kind,
        qty,
        exchange_to: request.exchange_to.filter(|_| request.kind == CaseKind::Exchange),
        reason: request.reason,
        note: request.note.chars().take(LONGEST_NOTE).collect(),
        status: CaseStatus::Requested,
        refund_amount,
        resolution: String::new(),
        applied_at: now,
        processed_at: None,
        due_at: now.plus_micros(ANSWERED_WITHIN),
        version: 1,
    })
}

/// The tax that was paid on top of the price.
fn added_tax(line: &Line, opened: &Opened) -> Money {
    match opened.settings.tax.mode {
        TaxMode::Added => line.tax,
        TaxMode::Included => Money::zero(line.tax.currency()),
    }
}

/// The goods go back to the piles they came from.
async fn restock(desk: &Desk, tx: &mut Tx, caller: &Caller, case: &Case) -> Result<(), OrderError> {
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

async fn line_of(tx: &mut Tx, caller: &Caller, case: &Case) -> Result<Line, OrderError> {
    let lines = tx.order_lines(caller.tenant, &[case.order]).await?;
    let found = lines.into_iter().find(|line| Some(line.id) == case.line);
    found.ok_or(refused(ChangeRule::ChangesNeedALine))
}

/// What was paid for the goods of a case goes back; with the last of them the freight, if the shop was at fault.
async fn give_back_money(desk: &Desk, tx: &mut Tx, caller: &Caller, case: &mut Case) -> Result<(), OrderError> {
    let mut tab = open_tab(tx, caller, case.order, desk).await?;
    let mut lines = tx.order_lines(caller.tenant, &[case.order]).await?;
    let opened = open(tx, caller, &tab.order, None).await?;
    let line = lines.iter_mut().find(|line| Some(line.id) == case.line);
    let line = line.ok_or(refused(ChangeRule::ChangesNeedALine))?;
    // Reckoned anew: other cases of the line may have ended first.
    case.refund_amount = line.worth(case.qty, added_tax(line, &opened))?;
    line.returned_qty += case.qty;
    tx.save_line(caller.tenant, line).await?;
    let is_all_back = lines.iter().all(|line| line.returned_qty == line.qty);
    if is_all_back && case.reason.is_the_shops_fault() {
        case.refund_amount = case.refund_amount.checked_add(tab.order.freight)?;
    }
    // Never more than what was paid and has not gone back.
    let most = tab.order.paid.minor().max(0);
    case.refund_amount = Money::from_minor(case.refund_amount.minor().min(most), tab.order.currency);
    tab.order.returned = tab.order.returned.checked_add(case.refund_amount)?;
    let note = case.reason.to_string();
    let asked_by = asked_by(caller, &opened.settings, tab.order.returned);
    let cause = Cause { reason: &note, case: Some(case.id), asked_by };
    let settling = settle(desk, tx, caller, &mut tab, cause).await?;
    save_tab(desk, tx, caller, &tab, settling, Vec::new()).await?;
    step(case, CaseAct::Process, Role::System, "", desk.now())?;
    // Money that needs no channel is back already.
    if tab.refunds.iter().all(|refund| refund.state == RefundState::Refunded) {
        step(case, CaseAct::Finish, Role::System, "", desk.now())?;
        move_refunded(desk, tx, caller, &mut tab.order).await?;
    }
    Ok(())
}

/// An order some or all of whose money has gone back.
async fn move_refunded(desk: &Desk, tx: &mut Tx, caller: &Caller, order: &mut Order) -> Result<(), OrderError> {
    let act = if order.paid.is_zero() { Act::RefundAll } else { Act::RefundSome };
    if order.state.leads_by(act, Role::System).is_none() {
        return Ok(());
    }
    if let Step::Moved(event) = order.act(act, Role::System, desk.now())? {
        super::move_order::save(desk, tx, caller, order, event, json!({})).await?;
    }
    Ok(())
}

/// The other goods are taken from the shelf and a parcel is planned for them; the difference is settled.
async fn exchange(desk: &Desk, tx: &mut Tx, caller: &Caller, case: &mut Case) -> Result<(), OrderError> {
    let now = desk.now();
    let mut tab = open_tab(tx, caller, case.order, desk).await?;
    let opened = open(tx, caller, &tab.order, None).await?;
    let old = line_of(tx, caller, case).await?;
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
    tx.save_line(caller.tenant, &Line { returned_qty: old.returned_qty + case.qty, ..old }).await?;
    tx.insert_lines(caller.tenant, std::slice::from_ref(&new)).await?;
    reserve(desk, tx, caller, case.order, std::slice::from_ref(&new), now).await?;
    plan_more(desk, tx, caller, case.order, new.id).await?;
    let price = new.worth(new.qty, added_tax(&new, &opened))?;
    tab.order.returned = tab.order.returned.checked_add(worth)?.checked_sub(price)?;
    case.line = Some(new.id);
    step(case, CaseAct::Process, Role::System, "", now)?;
    let note = case.reason.to_string();
    let cause = Cause { reason: &note, case: None, asked_by: None };
    settle(desk, tx, caller, &mut tab, cause).await?;
    save_tab(desk, tx, caller, &tab, Settling::Still, Vec::new()).await?;
    Ok(())
}

fn pieces(count: u32, line: &Line) -> Money {
    Money::from_minor(i64::from(count), line.amount.currency())
}

/// A case came to its end without goods or money moving: the order goes on where it was.
async fn go_on(desk: &Desk, tx: &mut Tx, caller: &Caller, case: &Case) -> Result<(), OrderError> {
    let mut order = load(tx, caller, case.order).await?;
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
        super::move_order::save(desk, tx, caller, &order, event, json!({})).await?;
    }
    Ok(())
}

/// A refund of a case has come to its end: with the last of them, so has the case.
pub(super) async fn refund_ended(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    id: CaseId,
    order: &mut Order,
) -> Result<(), OrderError> {
    let Some(mut case) = tx.case(caller.tenant, id).await? else { return Ok(()) };
    let refunds = tx.refunds_of(caller.tenant, &[case.order]).await?;
    let mut of_case = refunds.iter().filter(|refund| refund.case == Some(id)).map(|refund| refund.state);
    if of_case.any(|state| !state.is_final()) {
        return Ok(());
    }
    // One of several ways may have failed: as long as the shop owes anything, the case is not done.
    let act = if order.owes()?.is_negative() { CaseAct::Fail } else { CaseAct::Finish };
    if case.status.leads_by(act, Role::System).is_none() {
        return Ok(());
    }
    step(&mut case, act, Role::System, "", desk.now())?;
    keep_case(desk, tx, caller, &case).await?;
    if act == CaseAct::Finish { move_refunded(desk, tx, caller, order).await } else { Ok(()) }
}

/// A second person would not have the money of a case go back: it is turned down after all.
pub(super) async fn refund_rejected(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    id: CaseId,
    why: &str,
) -> Result<(), OrderError> {
    let Some(mut case) = tx.case(caller.tenant, id).await? else { return Ok(()) };
    step(&mut case, CaseAct::TurnDown, Role::System, why, desk.now())?;
    if case.kind == CaseKind::Refund {
        // The goods never came back: they can be applied for again.
        let line = line_of(tx, caller, &case).await?;
        tx.save_line(caller.tenant, &Line { returned_qty: line.returned_qty - case.qty, ..line }).await?;
    }
    keep_case(desk, tx, caller, &case).await?;
    go_on(desk, tx, caller, &case).await
}

/// A parcel with goods sent in exchange has passed to `to`: once it has arrived, the case is done.
pub(super) async fn exchanged(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    order: &Order,
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
            keep_case(desk, tx, caller, &case).await?;
            go_on(desk, tx, caller, &case).await?;
        }
    }
    Ok(())
}

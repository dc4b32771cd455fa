//! After-sale: what shoppers apply for, what the shop answers, and what follows: goods back, money back, other goods out.

use super::case::{LONGEST_NOTE, added_tax, keep_case, load_case, step, told};
use super::case_ends::{exchange, give_back_money, go_on, restock};
use super::change_order::{open, refused, swapped_line};
use super::move_order::load;
use super::{Desk, Shop};
use crate::after_sale::{Case, CaseAct, CaseId, CaseKind, CaseStatus, Reason};
use crate::caller::Caller;
use crate::catalog::{ProductKind, SkuId};
use crate::event::{Event, EventName};
use crate::money::Money;
use crate::order::{Act, ChangeRule, Line, LineId, Order, OrderError, OrderId, State, Step};
use crate::permission::Permission;
use crate::store::Opened;
use crate::time::HOUR;
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
const MOST_ITEMS: usize = 100;
const APPLY: &str = "after-sale";

impl Shop {
    /// Applies for something to be done about lines of an order: one case for each.
    pub async fn apply_after_sale(
        &self,
        caller: &Caller,
        order: OrderId,
        request: &CaseRequest,
    ) -> Result<Vec<Case>, OrderError> {
        if request.items.len() > MOST_ITEMS {
            return Err(refused(ChangeRule::AfterSaleNotMoreThanBought));
        }
        if request.items.is_empty() {
            return Err(refused(ChangeRule::AfterSaleNeedsItems));
        }
        caller.may_as_owner_or(Permission::WriteAfterSale)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut order = load(&mut tx, caller, order).await?;
                let lines = tx.order_lines(caller.tenant, &[order.id]).await?;
                let known = tx.cases_of(caller.tenant, &[order.id]).await?;
                if let Some(answer) = tx.answered(caller, APPLY).await? {
                    let were_made = |case: &Case| answer.split(' ').any(|id| id == case.id.to_string());
                    return Ok(tx.leave(known.into_iter().filter(were_made).collect()));
                }
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
                if request.kind != CaseKind::Complaint {
                    let event = match order.act(Act::OpenAfterSale, caller.role(), desk.now())? {
                        Step::Moved(event) => event,
                        // Of two who apply for the same pieces at once, one looks again.
                        Step::AlreadyDone => {
                            order.touch(desk.now());
                            EventName::OrderAfterSaleApplied
                        }
                    };
                    super::move_order::save(desk, &mut tx, caller, &order, event, json!({})).await?;
                }
                tx.insert_cases(caller.tenant, &cases).await?;
                let applied: Vec<Event> = cases.iter().map(|case| told(desk, caller, case)).collect();
                tx.record(caller.tenant, &applied).await?;
                let answer: Vec<String> = cases.iter().map(|case| case.id.to_string()).collect();
                tx.keep_answer(caller, APPLY, &answer.join(" "), desk.now()).await?;
                Ok(tx.keep(cases).await?)
            })
            .await
    }

    /// The cases of an order, oldest first.
    pub async fn cases(&self, caller: &Caller, order: OrderId) -> Result<Vec<Case>, OrderError> {
        caller.may_as_owner_or(Permission::ReadOrders)?;
        let mut conn = self.desk.store.read().await?;
        conn.order(caller.tenant, caller.owner(), order).await?.ok_or(OrderError::NotFound)?;
        Ok(conn.cases_of(caller.tenant, &[order]).await?)
    }

    /// The cases that wait for the shop, that due first first.
    pub async fn open_cases(&self, caller: &Caller) -> Result<Vec<Case>, OrderError> {
        caller.may(Permission::ReadOrders)?;
        Ok(self.desk.store.read().await?.open_cases(caller.tenant, MOST_CASES).await?)
    }

    /// The shop agrees. Where goods have to come back first, it waits for them; otherwise the money goes back at once.
    pub async fn approve_case(&self, caller: &Caller, id: CaseId, resolution: &str) -> Result<Case, OrderError> {
        caller.may(Permission::WriteAfterSale)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut case = load_case(&mut tx, caller, id).await?;
                step(&mut case, CaseAct::Approve, caller.role(), resolution, desk.now())?;
                if case.kind == CaseKind::Refund {
                    give_back_money(desk, &mut tx, caller, &mut case).await?;
                }
                keep_case(desk, &mut tx, caller, &mut case).await?;
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
        caller.may(Permission::WriteAfterSale)?;
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
                keep_case(desk, &mut tx, caller, &mut case).await?;
                Ok(tx.keep(case).await?)
            })
            .await
    }

    /// The shop does not agree, and says why.
    pub async fn reject_case(&self, caller: &Caller, id: CaseId, resolution: &str) -> Result<Case, OrderError> {
        caller.may(Permission::WriteAfterSale)?;
        self.end_case(caller, id, CaseAct::Reject, resolution).await
    }

    /// The shopper no longer wants it.
    pub async fn withdraw_case(&self, caller: &Caller, id: CaseId) -> Result<Case, OrderError> {
        caller.may_as_owner_or(Permission::WriteAfterSale)?;
        self.end_case(caller, id, CaseAct::Withdraw, "").await
    }

    /// A complaint has been dealt with.
    pub async fn close_complaint(&self, caller: &Caller, id: CaseId, resolution: &str) -> Result<Case, OrderError> {
        caller.may(Permission::WriteAfterSale)?;
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
        caller.may(Permission::WriteRefunds)?;
        let case: CaseId = self.desk.id(self.now());
        let back = super::refund::Back { amount, reason: note, case: Some(case) };
        let case = self.give_back(caller, order, back).await?.ok_or(OrderError::CaseClosed)?;
        let found = self.desk.store.read().await?.case(caller.tenant, case).await?;
        found.ok_or(OrderError::CaseClosed)
    }

    async fn end_case(&self, caller: &Caller, id: CaseId, act: CaseAct, resolution: &str) -> Result<Case, OrderError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut case = load_case(&mut tx, caller, id).await?;
                step(&mut case, act, caller.role(), resolution, desk.now())?;
                keep_case(desk, &mut tx, caller, &mut case).await?;
                let mut order = load(&mut tx, caller, case.order).await?;
                go_on(desk, &mut tx, caller, &case, &mut order).await?;
                Ok(tx.keep(case).await?)
            })
            .await
    }
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

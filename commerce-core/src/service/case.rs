//! The record of an after-sale case: read, moved on, kept and told of.

use super::Desk;
use super::change_order::refused;
use super::move_order::load;
use crate::after_sale::{Case, CaseAct, CaseId};
use crate::caller::{Caller, Role};
use crate::checkout::TaxMode;
use crate::event::{Event, EventName};
use crate::money::Money;
use crate::order::{ChangeRule, Line, OrderError};
use crate::store::{Opened, StoreError, Tx};
use crate::time::Timestamp;
use serde_json::json;

pub(super) const LONGEST_NOTE: usize = 500;

/// The case, if there is one about an order that this caller may see.
pub(super) async fn load_case(tx: &mut Tx, caller: &Caller, id: CaseId) -> Result<Case, OrderError> {
    let case = tx.case(caller.tenant, id).await?.ok_or(OrderError::CaseClosed)?;
    load(tx, caller, case.order).await.map_err(|error| match error {
        OrderError::NotFound => OrderError::CaseClosed,
        other => other,
    })?;
    Ok(case)
}

/// Moves a case on, if its state and whoever asks allow it.
pub(super) fn step(
    case: &mut Case,
    act: CaseAct,
    role: Role,
    resolution: &str,
    now: Timestamp,
) -> Result<(), OrderError> {
    case.status = case.status.leads_by(act, role).ok_or(OrderError::CaseClosed)?;
    case.processed_at = Some(now);
    if !resolution.is_empty() {
        case.resolution = resolution.chars().take(LONGEST_NOTE).collect();
    }
    Ok(())
}

/// Saves a case that was read in this write, and tells of it.
pub(super) async fn keep_case(desk: &Desk, tx: &mut Tx, caller: &Caller, case: &mut Case) -> Result<(), StoreError> {
    case.version += 1;
    tx.save_case(caller.tenant, case).await?;
    tx.record(caller.tenant, &[told(desk, caller, case)]).await
}

/// What is told of a case: always how it stands now.
pub(super) fn told(desk: &Desk, caller: &Caller, case: &Case) -> Event {
    let at = case.processed_at.unwrap_or(case.applied_at);
    let payload = json!({
        "order": case.order, "line": case.line, "kind": case.kind.to_string(), "status": case.status.to_string(),
        "qty": case.qty, "reason": case.reason.to_string(), "refund_amount": case.refund_amount,
    });
    Event::new(desk.id(at), EventName::AfterSaleChanged, case.id, caller, at, payload).of_version(case.version)
}

/// The line of the order that a case is about.
pub(super) async fn line_of(tx: &mut Tx, caller: &Caller, case: &Case) -> Result<Line, OrderError> {
    let lines = tx.order_lines(caller.tenant, &[case.order]).await?;
    let found = lines.into_iter().find(|line| Some(line.id) == case.line);
    found.ok_or(refused(ChangeRule::ChangesNeedALine))
}

/// The tax that was paid on top of the price.
pub(super) fn added_tax(line: &Line, opened: &Opened) -> Money {
    match opened.settings.tax.mode {
        TaxMode::Added => line.tax,
        TaxMode::Included => Money::zero(line.tax.currency()),
    }
}

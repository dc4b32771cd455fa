//! Giving money back: by staff, and again where a channel would not.

use super::case::told;
use super::case_ends::{refund_rejected, refunds_ended};
use super::tab::{NOT_NEEDED, Settling, asked_by, open_tab, open_undisputed, refund_event, save_tab, settle};
use super::{Paying, Shop};
use crate::after_sale::{Case, CaseId, CaseKind, CaseStatus, Reason};
use crate::caller::Caller;
use crate::money::Money;
use crate::order::{OrderId, State};
use crate::payment::{Cause, PaymentError, Refund, RefundId, RefundState, Tab};
use crate::permission::Permission;
use crate::tenant::Tenant;
use std::collections::BTreeSet;

/// What a second person says about a refund.
enum Verdict<'a> {
    Approved,
    Rejected { why: &'a str },
}

impl Shop {
    /// Gives back a part of what an order cost, or all of it, by the ways it was paid. Above the shop's limit it waits for a
    /// second person; see [`Shop::approve_refunds`]. An order that has not left yet is canceled instead; see
    /// [`Shop::cancel_order`].
    pub async fn refund(
        &self,
        caller: &Caller,
        order: OrderId,
        amount: Money,
        reason: &str,
    ) -> Result<Paying, PaymentError> {
        caller.may(Permission::WriteRefunds)?;
        self.give_back(caller, order, Back { amount, reason, case: None }).await?;
        self.paying(caller, order).await
    }

    /// Returns the case it belongs to: that of the first time, where this request was done before.
    pub(super) async fn give_back(
        &self,
        caller: &Caller,
        order: OrderId,
        back: Back<'_>,
    ) -> Result<Option<CaseId>, PaymentError> {
        let desk = &*self.desk;
        let Back { amount, reason, case } = back;
        let reason: &str = &reason.chars().take(LONGEST_REASON).collect::<String>();
        desk.store
            .write(move |mut tx| async move {
                if let Some(answer) = tx.answered(caller, REFUND).await? {
                    return Ok(tx.leave(answer.parse().ok()));
                }
                let mut tab = open_undisputed(desk, &mut tx, caller, order).await?;
                if amount.minor() <= 0 {
                    return Err(PaymentError::RefundOfNothing);
                }
                // What has not come in for good yet goes back by canceling the order.
                let is_earned = !tab.order.state.is_unpaid() && tab.order.state != State::Canceled;
                let left = if is_earned { tab.order.paid } else { Money::zero(tab.order.currency) };
                if left.checked_sub(amount)?.is_negative() {
                    return Err(PaymentError::RefundExceedsPaid { left });
                }
                let tenant = tx.tenant(caller.tenant).await?;
                let settings = tenant.map(|tenant: Tenant| tenant.settings).unwrap_or_default();
                let asked_by = asked_by(caller, &settings, &tab, amount);
                tab.order.returned = tab.order.returned.checked_add(amount)?;
                settle(desk, &mut tx, caller, &mut tab, Cause { reason, case, asked_by }).await?;
                save_tab(desk, &mut tx, caller, &tab, Settling::Still, Vec::new()).await?;
                if let Some(id) = case {
                    let compensation = compensation(id, &tab, amount, reason);
                    tx.record(caller.tenant, &[told(desk, caller, &compensation)]).await?;
                    tx.insert_cases(caller.tenant, &[compensation]).await?;
                }
                let answer = case.map_or_else(String::new, |case| case.to_string());
                tx.keep_answer(caller, REFUND, &answer, tab.now).await?;
                Ok(tx.keep(case).await?)
            })
            .await
    }

    /// Tries again to give back what a failed refund left with the shop: under a new id, because the channel has said no to the
    /// old one for good.
    pub async fn retry_refunds(&self, caller: &Caller, order: OrderId) -> Result<Paying, PaymentError> {
        caller.may(Permission::WriteRefunds)?;
        let desk = &*self.desk;
        let paying = self.paying(caller, order).await?;
        let failed = paying.refunds.iter().rev().find(|refund| refund.state == RefundState::Failed);
        let failed = failed.ok_or(PaymentError::UnknownRefund)?;
        let cause = Cause { reason: &failed.reason, case: failed.case, asked_by: None };
        desk.store
            .write(move |mut tx| async move {
                let mut tab = open_tab(&mut tx, caller, order, desk).await?;
                settle(desk, &mut tx, caller, &mut tab, cause).await?;
                save_tab(desk, &mut tx, caller, &tab, Settling::Still, Vec::new()).await?;
                Ok::<_, PaymentError>(tx.keep(()).await?)
            })
            .await?;
        self.paying(caller, order).await
    }

    /// The refunds that wait for a second person, oldest first.
    pub async fn refunds_to_approve(&self, caller: &Caller) -> Result<Vec<Refund>, PaymentError> {
        caller.may(Permission::ReadOrders)?;
        Ok(self.desk.store.read().await?.requested_refunds(caller.tenant, MOST_REFUNDS).await?)
    }

    /// A second person agrees with these refunds of an order.
    pub async fn approve_refunds(
        &self,
        caller: &Caller,
        order: OrderId,
        refunds: &[RefundId],
    ) -> Result<Paying, PaymentError> {
        self.decide_refunds(caller, order, refunds, &Verdict::Approved).await
    }

    /// A second person does not agree, and says why: the money stays, and a case it was for is turned down.
    pub async fn reject_refunds(
        &self,
        caller: &Caller,
        order: OrderId,
        refunds: &[RefundId],
        why: &str,
    ) -> Result<Paying, PaymentError> {
        let why = &why.chars().take(LONGEST_REASON).collect::<String>();
        self.decide_refunds(caller, order, refunds, &Verdict::Rejected { why }).await
    }

    async fn decide_refunds(
        &self,
        caller: &Caller,
        order: OrderId,
        refunds: &[RefundId],
        verdict: &Verdict<'_>,
    ) -> Result<Paying, PaymentError> {
        caller.may(Permission::ApproveRefunds)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut tab = open_tab(&mut tx, caller, order, desk).await?;
                let mut asked = tx.refunds_of(caller.tenant, &[order]).await?;
                asked.retain(|refund| refund.state == RefundState::Requested);
                let is_chosen = |refund: &Refund| refunds.contains(&refund.id);
                let cases: BTreeSet<CaseId> =
                    asked.iter().filter(|refund| is_chosen(refund)).filter_map(|refund| refund.case).collect();
                // The money of a case goes back as a whole or not at all.
                asked.retain(|refund| is_chosen(refund) || refund.case.is_some_and(|case| cases.contains(&case)));
                if asked.is_empty() || !refunds.iter().all(|id| asked.iter().any(|refund| refund.id == *id)) {
                    return Err(PaymentError::UnknownRefund);
                }
                if caller.who.is_empty() || asked.iter().any(|refund| refund.asked_by == caller.who) {
                    return Err(PaymentError::NeedsASecondPerson);
                }
                for refund in &mut asked {
                    match verdict {
                        Verdict::Approved => tab.approve(refund)?,
                        Verdict::Rejected { why } => tab.reject(refund, why)?,
                    }
                }
                settle(desk, &mut tx, caller, &mut tab, NOT_NEEDED).await?;
                let events = asked.iter().map(|refund| refund_event(desk, caller, &tab.order, refund)).collect();
                save_tab(desk, &mut tx, caller, &tab, Settling::Still, events).await?;
                tx.save_refunds(caller.tenant, &asked).await?;
                if let Verdict::Rejected { why } = verdict {
                    for case in cases {
                        refund_rejected(desk, &mut tx, caller, case, &mut tab.order, why).await?;
                    }
                }
                refunds_ended(desk, &mut tx, caller, &mut tab).await?;
                Ok(tx.keep(()).await?)
            })
            .await?;
        self.paying(caller, order).await
    }
}

const MOST_REFUNDS: u32 = 1_000;
const LONGEST_REASON: usize = 200;
const REFUND: &str = "refund";

/// Money that goes back without goods.
pub(super) struct Back<'a> {
    pub(super) amount: Money,
    pub(super) reason: &'a str,
    /// The case it belongs to, which is opened with it.
    pub(super) case: Option<CaseId>,
}

/// The case of a compensation: on its way as soon as it is made.
fn compensation(id: CaseId, tab: &Tab, amount: Money, note: &str) -> Case {
    let mut of_case = tab.refunds.iter().filter(|refund| refund.case == Some(id));
    let is_there = of_case.all(|refund| refund.state == RefundState::Refunded);
    Case {
        id,
        order: tab.order.id,
        line: None,
        kind: CaseKind::Compensation,
        qty: 0,
        exchange_to: None,
        reason: Reason::Other,
        note: note.to_owned(),
        status: if is_there { CaseStatus::Done } else { CaseStatus::Processing },
        refund_amount: amount,
        resolution: String::new(),
        applied_at: tab.now,
        processed_at: Some(tab.now),
        due_at: tab.now,
        version: 1,
    }
}

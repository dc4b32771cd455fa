//! Giving money back: by staff, and again where a channel would not.

use super::tab::{Settling, open_tab, save_tab, settle};
use super::{Paying, Shop};
use crate::after_sale::{Case, CaseId, CaseKind, CaseStatus, Reason};
use crate::caller::Caller;
use crate::money::Money;
use crate::order::{OrderId, State};
use crate::payment::{Cause, PaymentError, RefundState, Tab};

impl Shop {
    /// Gives back a part of what an order cost, or all of it, by the ways it was paid. An order that has not left yet is
    /// canceled instead; see [`Shop::cancel_order`].
    pub async fn refund(
        &self,
        caller: &Caller,
        order: OrderId,
        amount: Money,
        reason: &str,
    ) -> Result<Paying, PaymentError> {
        self.give_back(caller, order, Back { amount, reason, case: None }).await
    }

    pub(super) async fn give_back(
        &self,
        caller: &Caller,
        order: OrderId,
        back: Back<'_>,
    ) -> Result<Paying, PaymentError> {
        caller.acts_for_the_shop()?;
        let desk = &*self.desk;
        let Back { amount, reason, case } = back;
        let reason: &str = &reason.chars().take(200).collect::<String>();
        desk.store
            .write(move |mut tx| async move {
                let mut tab = open_tab(&mut tx, caller, order, desk).await?;
                if amount.minor() <= 0 {
                    return Err(PaymentError::RefundOfNothing);
                }
                let left = tab.order.paid;
                if left.checked_sub(amount)?.is_negative() || tab.order.state == State::Canceled {
                    return Err(PaymentError::RefundExceedsPaid { left });
                }
                tab.order.returned = tab.order.returned.checked_add(amount)?;
                settle(desk, &mut tx, caller, &mut tab, Cause { reason, case }).await?;
                save_tab(desk, &mut tx, caller, &tab, Settling::Still, Vec::new()).await?;
                if let Some(id) = case {
                    let compensation = compensation(id, &tab, amount, reason);
                    tx.insert_cases(caller.tenant, &[compensation]).await?;
                }
                Ok(tx.keep(()).await?)
            })
            .await?;
        self.payments(caller, order).await
    }

    /// Tries again to give back what a failed refund left with the shop: under a new id, because the channel has said no to the
    /// old one for good.
    pub async fn retry_refunds(&self, caller: &Caller, order: OrderId) -> Result<Paying, PaymentError> {
        caller.acts_for_the_shop()?;
        let desk = &*self.desk;
        let paying = self.payments(caller, order).await?;
        let failed = paying.refunds.iter().rev().find(|refund| refund.state == RefundState::Failed);
        let failed = failed.ok_or(PaymentError::UnknownRefund)?;
        let cause = Cause { reason: &failed.reason, case: failed.case };
        desk.store
            .write(move |mut tx| async move {
                let mut tab = open_tab(&mut tx, caller, order, desk).await?;
                settle(desk, &mut tx, caller, &mut tab, cause).await?;
                save_tab(desk, &mut tx, caller, &tab, Settling::Still, Vec::new()).await?;
                Ok::<_, PaymentError>(tx.keep(()).await?)
            })
            .await?;
        self.payments(caller, order).await
    }
}

/// Money that goes back without goods.
pub(super) struct Back<'a> {
    pub(super) amount: Money,
    pub(super) reason: &'a str,
    /// The case it belongs to, which is opened with it.
    pub(super) case: Option<CaseId>,
}

/// The case of a compensation: on its way as soon as it is made.
fn compensation(id: CaseId, tab: &Tab, amount: Money, note: &str) -> Case {
    let is_there = tab.refunds.iter().all(|refund| refund.state == RefundState::Refunded);
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

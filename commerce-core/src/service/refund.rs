//! Giving money back: by staff, and again where a channel would not.

use super::tab::{Settling, open_tab, save_tab, settle};
use super::{Paying, Shop};
use crate::caller::Caller;
use crate::money::Money;
use crate::order::{OrderId, State};
use crate::payment::{PaymentError, RefundState};

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
        caller.acts_for_the_shop()?;
        let desk = &*self.desk;
        let reason = &reason.chars().take(200).collect::<String>();
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
                settle(desk, &mut tx, caller, &mut tab, reason).await?;
                save_tab(desk, &mut tx, caller, &tab, Settling::Still, Vec::new()).await?;
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
        let reason = &failed.ok_or(PaymentError::UnknownRefund)?.reason;
        desk.store
            .write(move |mut tx| async move {
                let mut tab = open_tab(&mut tx, caller, order, desk).await?;
                settle(desk, &mut tx, caller, &mut tab, reason).await?;
                save_tab(desk, &mut tx, caller, &tab, Settling::Still, Vec::new()).await?;
                Ok::<_, PaymentError>(tx.keep(()).await?)
            })
            .await?;
        self.payments(caller, order).await
    }
}

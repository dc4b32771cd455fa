//! The janitor: whatever is open with a channel is asked about until it is known, and what has to be sent is sent. Calling it
//! twice, or from two machines, is as good as once.

use super::Shop;
use crate::caller::Caller;
use crate::payment::{Payment, PaymentError, Refund, RefundState, patience};
use crate::port::{ChannelError, News, RefundRequest, RefundStanding, Standing};
use crate::store::StoreError;
use tokio::task::JoinSet;

/// What the janitor found to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chased {
    pub messages: usize,
    pub payments: usize,
    pub refunds: usize,
    /// Questions that got no answer, and will be asked again.
    pub unanswered: usize,
}

/// Questions under way at once.
const AT_ONCE: u32 = 32;

impl Shop {
    /// Asks the channels about everything that is due, once. A shop calls this every few seconds.
    pub async fn chase(&self, caller: &Caller) -> Result<Chased, PaymentError> {
        caller.acts_for_the_shop()?;
        let mut chased = Chased { messages: self.work_on_inbox(caller).await?, ..Chased::default() };
        let mut asked = JoinSet::new();
        for payment in self.claim_payments(caller).await? {
            chased.payments += 1;
            let (shop, caller) = (self.clone(), caller.clone());
            asked.spawn(async move { shop.ask_about_payment(&caller, payment).await });
        }
        for (refund, channel) in self.claim_refunds(caller).await? {
            chased.refunds += 1;
            let (shop, caller) = (self.clone(), caller.clone());
            asked.spawn(async move { shop.send_refund(&caller, refund, &channel).await });
        }
        while let Some(answer) = asked.join_next().await {
            match answer {
                Ok(Ok(())) => {}
                Ok(Err(PaymentError::Store(error))) => return Err(error.into()),
                Ok(Err(_)) | Err(_) => chased.unanswered += 1,
            }
        }
        Ok(chased)
    }

    /// Chases for every shop of this database.
    pub async fn chase_all(&self) -> Result<Chased, PaymentError> {
        let tenants = self.desk.store.read().await?.tenants().await?;
        let mut total = Chased::default();
        for tenant in tenants {
            let chased = self.chase(&Caller::system(tenant.id)).await?;
            total.messages += chased.messages;
            total.payments += chased.payments;
            total.refunds += chased.refunds;
            total.unanswered += chased.unanswered;
        }
        Ok(total)
    }

    async fn claim_payments(&self, caller: &Caller) -> Result<Vec<Payment>, StoreError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let due = tx.payments_to_check(caller.tenant, now, AT_ONCE).await?;
                let put_off: Vec<_> = due
                    .iter()
                    .filter_map(|p| Some((p.id, p.check_at?, now.plus_micros(patience(p.checks + 1)))))
                    .collect();
                if put_off.is_empty() {
                    return Ok(tx.leave(Vec::new()));
                }
                let claimed = tx.claim_payments(caller.tenant, &put_off).await?;
                let mine = due.into_iter().filter(|payment| claimed.contains(&payment.id)).collect();
                tx.keep(mine).await
            })
            .await
    }

    async fn claim_refunds(&self, caller: &Caller) -> Result<Vec<(Refund, String)>, StoreError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let due = tx.refunds_to_check(caller.tenant, now, AT_ONCE).await?;
                let put_off: Vec<_> = due
                    .iter()
                    .filter_map(|(r, _)| Some((r.id, r.check_at?, now.plus_micros(patience(r.checks + 1)))))
                    .collect();
                if put_off.is_empty() {
                    return Ok(tx.leave(Vec::new()));
                }
                let claimed = tx.claim_refunds(caller.tenant, &put_off).await?;
                let mine = due.into_iter().filter(|(refund, _)| claimed.contains(&refund.id)).collect();
                tx.keep(mine).await
            })
            .await
    }

    async fn ask_about_payment(&self, caller: &Caller, payment: Payment) -> Result<(), PaymentError> {
        let channel = self.desk.channels.find(caller.tenant, &payment.channel)?;
        let is_over = payment.expires_at <= self.now();
        let standing = if is_over { channel.close(payment.id).await? } else { channel.query(payment.id).await? };
        // A channel that never heard of it takes no payment once its time is over.
        let standing = if is_over && standing == Standing::Unheard { Standing::Closed } else { standing };
        let news = News::Payment { payment: payment.id, standing };
        self.hear(caller, channel.terms().clone(), news).await.map(drop)
    }

    /// Sends a refund, or asks what became of it. However often it is sent, it carries the same id.
    async fn send_refund(&self, caller: &Caller, refund: Refund, channel: &str) -> Result<(), PaymentError> {
        let channel = self.desk.channels.find(caller.tenant, channel)?;
        let request = RefundRequest {
            refund: refund.id,
            payment: refund.payment,
            amount: refund.amount,
            reason: refund.reason.clone(),
        };
        let known = match refund.state {
            RefundState::Approved => RefundStanding::Unheard,
            _ => channel.query_refund(refund.id).await?,
        };
        let standing = match known {
            RefundStanding::Unheard => channel.refund(&request).await,
            known => Ok(known),
        };
        let standing = match standing {
            Err(ChannelError::Refused(reason)) => RefundStanding::Failed { reason },
            answer => answer?,
        };
        self.hear(caller, channel.terms().clone(), News::Refund { refund: refund.id, standing }).await.map(drop)
    }
}

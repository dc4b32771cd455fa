//! The janitor: whatever is open with a channel is asked about until it is known, and what has to be sent is sent. Calling it
//! twice, or from two machines, is as good as once.

use super::Shop;
use crate::caller::Caller;
use crate::error::Failure;
use crate::payment::{Dispute, DisputeAnswer, Payment, PaymentError, PaymentId, Refund, RefundState, patience};
use crate::port::{
    ChannelError, Claim, DisputeReply, DisputeStanding, News, PaymentChannel, RefundRequest, RefundStanding, Standing,
    Terms,
};
use crate::store::StoreError;
use crate::time::{DAY, Timestamp};
use tokio::task::JoinSet;

/// What the janitor found to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chased {
    pub messages: usize,
    pub payments: usize,
    pub refunds: usize,
    pub disputes: usize,
    /// Questions that got no answer, and will be asked again.
    pub unanswered: usize,
    /// Why the first of them got none; empty if all did.
    pub why: String,
}

impl Chased {
    fn unanswered(&mut self, why: impl ToString) {
        self.unanswered += 1;
        if self.why.is_empty() {
            self.why = why.to_string();
        }
    }
}

/// Questions under way at once.
const AT_ONCE: u32 = 32;
/// No bank takes longer to decide.
const DISPUTED_WITHIN: i64 = 120 * DAY;

impl Shop {
    /// Asks the channels about everything that is due, once. A shop calls this every few seconds.
    pub async fn chase(&self, caller: &Caller) -> Result<Chased, PaymentError> {
        caller.acts_for_the_shop()?;
        let mut chased = Chased { messages: self.work_on_inbox(caller).await?, ..Chased::default() };
        let questions = self.questions(caller, &mut chased).await?;
        let mut answers = questions.join_all().await;
        // Whoever answered first: what is done with the answers is done in one order, so that it can be simulated.
        answers.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (_, said) in answers {
            let (terms, news) = match said {
                Ok(said) => said,
                Err(error) => {
                    chased.unanswered(error);
                    continue;
                }
            };
            for one in news {
                match self.hear(caller, terms.clone(), one).await {
                    Ok(_) => {}
                    Err(error) if error.kind().is_retryable() => return Err(error),
                    Err(error) => chased.unanswered(error),
                }
            }
        }
        Ok(chased)
    }

    /// Everything that is to be asked or sent, under way.
    async fn questions(&self, caller: &Caller, chased: &mut Chased) -> Result<JoinSet<(String, Said)>, PaymentError> {
        let mut questions = JoinSet::new();
        // A channel that is not connected just now must not keep the others waiting.
        let find = |code: &str| self.desk.channels.find(caller.tenant, code).ok();
        for payment in self.claim_payments(caller).await? {
            chased.payments += 1;
            let is_over = payment.expires_at <= self.now();
            match find(&payment.channel) {
                Some(channel) => questions
                    .spawn(async move { (payment.id.to_string(), ask_about(&*channel, payment.id, is_over).await) }),
                None => questions.spawn(async move { (payment.id.to_string(), not_connected()) }),
            };
        }
        for (refund, code) in self.claim_refunds(caller).await? {
            chased.refunds += 1;
            match find(&code) {
                Some(channel) => questions.spawn(async move { (refund.id.to_string(), send(&*channel, refund).await) }),
                None => questions.spawn(async move { (refund.id.to_string(), not_connected()) }),
            };
        }
        for dispute in self.claim_disputes(caller).await? {
            chased.disputes += 1;
            match find(&dispute.channel) {
                Some(channel) => {
                    questions.spawn(async move { (dispute.id.to_string(), argue(&*channel, dispute).await) })
                }
                None => questions.spawn(async move { (dispute.id.to_string(), not_connected()) }),
            };
        }
        let now = self.now();
        for channel in self.desk.channels.to_ask(caller.tenant, now) {
            let (desk, tenant) = (self.desk.clone(), caller.tenant);
            questions.spawn(async move {
                let code = channel.terms().code.clone();
                let said = ask_for_disputes(&*channel, now.plus_micros(-DISPUTED_WITHIN)).await;
                if said.is_ok() {
                    desk.channels.answered(tenant, &code, now);
                }
                (code, said)
            });
        }
        Ok(questions)
    }

    /// Chases for every shop of this database.
    pub async fn chase_all(&self) -> Result<Chased, PaymentError> {
        let tenants = self.desk.store.read().await?.tenants().await?;
        let mut total = Chased::default();
        for tenant in tenants {
            let chased = match self.chase(&Caller::system(tenant.id)).await {
                Err(error) if error.kind().is_retryable() => return Err(error),
                // What is wrong in one shop is no reason to leave the others alone.
                Err(error) => Chased { unanswered: 1, why: error.to_string(), ..Chased::default() },
                Ok(chased) => chased,
            };
            total.messages += chased.messages;
            total.payments += chased.payments;
            total.refunds += chased.refunds;
            total.disputes += chased.disputes;
            total.unanswered += chased.unanswered;
            if total.why.is_empty() {
                total.why = chased.why;
            }
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

    async fn claim_disputes(&self, caller: &Caller) -> Result<Vec<Dispute>, StoreError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let due = tx.disputes_to_check(caller.tenant, now, AT_ONCE).await?;
                let put_off: Vec<_> = due
                    .iter()
                    .filter_map(|d| Some((d.id, d.check_at?, now.plus_micros(patience(d.checks + 1)))))
                    .collect();
                if put_off.is_empty() {
                    return Ok(tx.leave(Vec::new()));
                }
                let claimed = tx.claim_disputes(caller.tenant, &put_off).await?;
                let mine = due.into_iter().filter(|dispute| claimed.contains(&dispute.id)).collect();
                tx.keep(mine).await
            })
            .await
    }
}

type Said = Result<(Terms, Vec<News>), ChannelError>;

fn not_connected() -> Said {
    Err(ChannelError::NoAnswer("it is not connected".to_owned()))
}

/// What the channel says of disputes, whether it told us of them before or not.
async fn ask_for_disputes(channel: &dyn PaymentChannel, since: Timestamp) -> Said {
    let claims = channel.disputes(since).await?;
    Ok((channel.terms().clone(), claims.into_iter().map(News::Dispute).collect()))
}

async fn ask_about(channel: &dyn PaymentChannel, payment: PaymentId, is_over: bool) -> Said {
    let standing = if is_over { channel.close(payment).await? } else { channel.query(payment).await? };
    // A channel that never heard of it takes no payment once its time is over.
    let standing = if is_over && standing == Standing::Unheard { Standing::Closed } else { standing };
    Ok((channel.terms().clone(), vec![News::Payment { payment, standing }]))
}

/// Sends a refund, or asks what became of it. However often it is sent, it carries the same id.
async fn send(channel: &dyn PaymentChannel, refund: Refund) -> Said {
    let known = match refund.state {
        RefundState::Approved => RefundStanding::Unheard,
        _ => channel.query_refund(refund.id).await?,
    };
    let standing = match known {
        RefundStanding::Unheard => {
            let (payment, amount, reason) = (refund.payment, refund.amount, refund.reason);
            channel.refund(&RefundRequest { refund: refund.id, payment, amount, reason }).await
        }
        known => Ok(known),
    };
    let standing = match standing {
        Err(ChannelError::Refused(reason)) => RefundStanding::Failed { reason },
        answer => answer?,
    };
    Ok((channel.terms().clone(), vec![News::Refund { refund: refund.id, standing }]))
}

/// Hands over what the shop says to a dispute.
async fn argue(channel: &dyn PaymentChannel, dispute: Dispute) -> Said {
    let Dispute { payment, channel_no, amount, reason, due_at, evidence, .. } = dispute;
    let answer = dispute.answer.unwrap_or(DisputeAnswer::Contest);
    let reply = DisputeReply { channel_no: channel_no.clone(), answer, evidence };
    let standing = match channel.answer_dispute(&reply).await {
        Err(ChannelError::Refused(reason)) => DisputeStanding::AnswerRefused { reason },
        answer => answer?,
    };
    let claim = Claim { payment, channel_no, amount, reason, due_at, standing };
    Ok((channel.terms().clone(), vec![News::Dispute(claim)]))
}

//! The janitor: whatever is open with a channel is asked about until it is known, and what has to be sent is sent. Calling it
//! twice, or from two machines, is as good as once.

use super::Shop;
use crate::caller::Caller;
use crate::error::Failure;
use crate::payment::{
    Dispute, DisputeAnswer, DisputeId, Payment, PaymentError, PaymentId, Refund, RefundState, patience,
};
use crate::permission::Permission;
use crate::port::{
    ChannelError, Claim, DisputeReply, DisputeStanding, News, PaymentChannel, RefundRequest, RefundStanding, Standing,
    Terms,
};
use crate::store::StoreError;
use crate::time::{DAY, Timestamp};
use futures_util::future::{BoxFuture, join_all};
use std::collections::HashMap;

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

/// Questions of each kind under way at once.
const AT_ONCE: u32 = 32;
/// No bank takes longer to decide.
const DISPUTED_WITHIN: i64 = 120 * DAY;

impl Shop {
    /// Asks the channels about everything that is due, once. A shop calls this every few seconds.
    pub async fn chase(&self, caller: &Caller) -> Result<Chased, PaymentError> {
        caller.may(Permission::RunJobs)?;
        let mut chased = Chased { messages: self.work_on_inbox(caller).await?, ..Chased::default() };
        // Asked at once, heard in the order of the questions whoever answers first: so that it can be simulated.
        for said in join_all(self.questions(caller, &mut chased).await?).await {
            let Answer { terms, news, listed_at } = match said {
                Ok(said) => said,
                Err(error) => {
                    chased.unanswered(error);
                    continue;
                }
            };
            for one in self.without_what_stands(caller, news).await? {
                match self.hear(caller, terms.clone(), one).await {
                    Ok(_) => {}
                    Err(error) if error.kind().is_retryable() => return Err(error),
                    Err(error) => chased.unanswered(error),
                }
            }
            if let Some(listed_at) = listed_at {
                self.desk.channels.answered(caller.tenant, &terms.code, listed_at);
            }
        }
        Ok(chased)
    }

    /// News without the disputes that stand as we know them: channels tell of every one of them, every time they are asked.
    async fn without_what_stands(&self, caller: &Caller, news: Vec<News>) -> Result<Vec<News>, StoreError> {
        let ids: Vec<DisputeId> = news.iter().filter_map(News::claim).map(Dispute::id_of).collect();
        if ids.is_empty() {
            return Ok(news);
        }
        let known = match self.desk.store.read().await?.disputes(caller.tenant, &ids).await {
            Ok(known) => known,
            Err(error) if error.kind().is_retryable() => return Err(error),
            // It only saves work: whatever is wrong with one of them, it is found where that one is heard.
            Err(_) => return Ok(news),
        };
        let known: HashMap<DisputeId, Dispute> = known.into_iter().map(|dispute| (dispute.id, dispute)).collect();
        let stands = |claim: &Claim| known.get(&Dispute::id_of(claim)).is_some_and(|dispute| dispute.stands_as(claim));
        Ok(news.into_iter().filter(|one| !one.claim().is_some_and(stands)).collect())
    }

    /// Everything that is to be asked or sent.
    async fn questions(&self, caller: &Caller, chased: &mut Chased) -> Result<Vec<Question>, PaymentError> {
        let mut questions: Vec<Question> = Vec::new();
        // A channel that is not connected just now must not keep the others waiting.
        let find = |code: &str| self.desk.channels.find(caller.tenant, code).map_err(not_connected);
        for payment in self.claim_payments(caller).await? {
            chased.payments += 1;
            let is_over = payment.expires_at <= self.now();
            let channel = find(&payment.channel);
            questions.push(Box::pin(async move { ask_about(&*channel?, payment.id, is_over).await }));
        }
        for (refund, code) in self.claim_refunds(caller).await? {
            chased.refunds += 1;
            let channel = find(&code);
            questions.push(Box::pin(async move { send(&*channel?, refund).await }));
        }
        for dispute in self.claim_disputes(caller).await? {
            chased.disputes += 1;
            let channel = find(&dispute.channel);
            questions.push(Box::pin(async move { argue(&*channel?, dispute).await }));
        }
        let now = self.now();
        for channel in self.desk.channels.to_ask(caller.tenant, now) {
            questions.push(Box::pin(async move { ask_for_disputes(&*channel, now).await }));
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

type Said = Result<Answer, ChannelError>;
type Question = BoxFuture<'static, Said>;

/// What a channel answered.
struct Answer {
    terms: Terms,
    news: Vec<News>,
    /// When it was asked for all disputes, if it was: once they are heard, it is not asked again for a while.
    listed_at: Option<Timestamp>,
}

impl Answer {
    fn of(channel: &dyn PaymentChannel, news: News) -> Self {
        Self { terms: channel.terms().clone(), news: vec![news], listed_at: None }
    }
}

fn not_connected(unknown: PaymentError) -> ChannelError {
    ChannelError::NoAnswer(unknown.to_string())
}

/// What the channel says of disputes, whether it told us of them before or not.
async fn ask_for_disputes(channel: &dyn PaymentChannel, now: Timestamp) -> Said {
    let claims = channel.disputes(now.plus_micros(-DISPUTED_WITHIN)).await?;
    let news = claims.into_iter().map(News::Dispute).collect();
    Ok(Answer { terms: channel.terms().clone(), news, listed_at: Some(now) })
}

async fn ask_about(channel: &dyn PaymentChannel, payment: PaymentId, is_over: bool) -> Said {
    let standing = if is_over { channel.close(payment).await? } else { channel.query(payment).await? };
    // A channel that never heard of it takes no payment once its time is over.
    let standing = if is_over && standing == Standing::Unheard { Standing::Closed } else { standing };
    Ok(Answer::of(channel, News::Payment { payment, standing }))
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
    Ok(Answer::of(channel, News::Refund { refund: refund.id, standing }))
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
    Ok(Answer::of(channel, News::Dispute(claim)))
}

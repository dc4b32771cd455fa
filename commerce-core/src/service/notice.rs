//! What channels tell us: checked, kept, worked on, once. News also comes as the answer to a question; both go the same way.

use super::case_ends::{refund_rejected, refunds_ended};
use super::dispute::dispute_event;
use super::tab::{NOT_NEEDED, Outcome, Settling, deliver_virtual, refund_event, save_tabs, settle};
use super::till::Work;
use super::{Desk, Shop};
use crate::after_sale::CaseId;
use crate::caller::Caller;
use crate::error::Failure;
use crate::event::Event;
use crate::order::{Order, OrderId};
use crate::payment::{
    Dispute, DisputeId, Payment, PaymentError, PaymentId, PaymentState, Refund, RefundId, RefundState, Tab,
};
use crate::permission::Permission;
use crate::port::{Claim, DisputeStanding, News, RawNotification, RefundStanding, Standing, Terms};
use crate::store::{Message, MessageState, Settled, StoreError, Tx};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What became of a piece of news.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It changed something.
    News,
    /// It was known already, or says nothing yet.
    Known,
    /// It is kept, and will be worked on as soon as that can be done.
    Kept,
}

/// News at the counter.
pub(super) struct Word {
    caller: Caller,
    terms: Terms,
    news: News,
    /// The message it came by, if it was not the answer to a question.
    message: Option<Message>,
}

type Answer = Result<Heard, PaymentError>;

const DISPUTED: &str = "the buyer asked the bank for the money";

impl Work for Word {
    type Answer = Answer;

    fn tenant(&self) -> TenantId {
        self.caller.tenant
    }

    async fn do_group(desk: &Desk, group: &[Self]) -> Result<Vec<Answer>, StoreError> {
        let heard: Result<Vec<Answer>, PaymentError> = desk.store.write(move |tx| hear_group(desk, tx, group)).await;
        match heard {
            Ok(answers) => Ok(answers),
            Err(PaymentError::Store(error)) => Err(error),
            Err(error) if group.len() == 1 => Ok(vec![Err(error)]),
            // Whoever of them it is, the others must not suffer for it.
            Err(error) => Err(StoreError::Refused(error.to_string())),
        }
    }

    fn failed(error: StoreError) -> Answer {
        Err(error.into())
    }
}

impl Shop {
    /// Takes a notification of a channel. Whoever sent it may be told that it arrived if the answer is `Ok`: then it is on
    /// disk. A forged one leaves no trace here.
    pub async fn take_notification(
        &self,
        caller: &Caller,
        channel: &str,
        message: &RawNotification,
    ) -> Result<Heard, PaymentError> {
        caller.may(Permission::RunJobs)?;
        let channel = self.desk.channels.find(caller.tenant, channel)?;
        let now = self.now();
        let notification = channel.read_notification(message, now)?;
        let kept = Message {
            channel: channel.terms().code.clone(),
            event_id: notification.event_id,
            body: json!([message.headers, message.body]).to_string(),
            state: MessageState::Received,
            reason: String::new(),
            received_at: now,
        };
        let (caller, terms) = (caller.clone(), channel.terms().clone());
        let word = Word { caller: caller.clone(), terms, news: notification.news, message: Some(kept.clone()) };
        match self.counter.hand_over(word).await {
            Err(PaymentError::Store(_)) => self.keep_message(&caller, &kept).await,
            answer => answer,
        }
    }

    /// What could not be worked on is at least kept.
    async fn keep_message(&self, caller: &Caller, message: &Message) -> Result<Heard, PaymentError> {
        self.desk
            .store
            .write(move |mut tx| async move {
                tx.receive(caller.tenant, std::slice::from_ref(message)).await?;
                tx.keep(Heard::Kept).await
            })
            .await
            .map_err(|error: StoreError| error.into())
    }

    async fn reject_message(&self, caller: &Caller, message: &Message, why: &str) -> Result<(), PaymentError> {
        let answered = &Message { state: MessageState::Rejected, reason: why.to_owned(), ..message.clone() };
        self.desk
            .store
            .write(move |mut tx| async move {
                tx.answer_message(caller.tenant, answered).await?;
                Ok(tx.keep(()).await?)
            })
            .await
    }

    /// Works on what a channel answered.
    pub(super) async fn hear(&self, caller: &Caller, terms: Terms, news: News) -> Result<Heard, PaymentError> {
        self.counter.hand_over(Word { caller: caller.clone(), terms, news, message: None }).await
    }

    /// Works on messages that were only kept before; says how many.
    pub(super) async fn work_on_inbox(&self, caller: &Caller) -> Result<usize, PaymentError> {
        const AT_ONCE: u32 = 100;
        let mut worked_on = 0;
        let mut after = Timestamp::from_micros(0);
        // All of them: those that have to go on waiting must not keep the newer ones waiting too.
        loop {
            let received = self.desk.store.read().await?.received(caller.tenant, after, AT_ONCE).await?;
            let Some(last) = received.last() else { return Ok(worked_on) };
            let is_the_end = received.len() < AT_ONCE as usize;
            after = last.received_at;
            for message in received {
                worked_on += usize::from(self.hear_again(caller, message).await?);
            }
            if is_the_end {
                return Ok(worked_on);
            }
        }
    }

    /// Whether there was anything to do about a message that was only kept.
    async fn hear_again(&self, caller: &Caller, message: Message) -> Result<bool, PaymentError> {
        // One whose channel is not connected just now waits until it is.
        let Ok(channel) = self.desk.channels.find(caller.tenant, &message.channel) else { return Ok(false) };
        let raw: (Vec<(String, String)>, String) = serde_json::from_str(&message.body).map_err(unreadable)?;
        let raw = RawNotification { headers: raw.0, body: raw.1 };
        let news = match channel.read_notification(&raw, message.received_at) {
            Ok(notification) => notification.news,
            // It was believed when it came; the keys have changed since.
            Err(forged) => {
                self.reject_message(caller, &message, &forged.to_string()).await?;
                return Ok(false);
            }
        };
        let terms = channel.terms().clone();
        let word = Word { caller: caller.clone(), terms, news, message: Some(message.clone()) };
        match self.counter.hand_over(word).await {
            Err(PaymentError::Store(error)) if error.kind().is_retryable() => Err(error.into()),
            // What the database will never take must not stop everything else.
            Err(PaymentError::Store(error)) => {
                self.reject_message(caller, &message, &error.to_string()).await.map(|()| true)
            }
            // Refused is answered too: the message says why.
            Ok(_) | Err(_) => Ok(true),
        }
    }
}

fn unreadable(error: serde_json::Error) -> PaymentError {
    PaymentError::Store(StoreError::Unreadable(format!("a kept message: {error}")))
}

/// What the database knows about the news of a group.
struct Known {
    tabs: BTreeMap<OrderId, Tab>,
    order_of: HashMap<PaymentId, OrderId>,
    /// Orders of which nothing is shipped.
    virtual_orders: BTreeSet<OrderId>,
    refunds: BTreeMap<RefundId, Refund>,
    /// Refunds that have come to an end here.
    ended: Vec<Refund>,
    /// Cases whose money gave way to a dispute.
    given_way: BTreeSet<(OrderId, CaseId)>,
    /// With the version they were read at; none of those that begin here.
    disputes: BTreeMap<DisputeId, (Dispute, Option<i64>)>,
}

async fn hear_group(desk: &Desk, mut tx: Tx, group: &[Word]) -> Result<Settled<Vec<Answer>>, PaymentError> {
    let Some(Word { caller, .. }) = group.first() else { return Ok(tx.leave(Vec::new())) };
    let now = desk.now();
    let mut known = look_up(&mut tx, caller.tenant, group, now).await?;
    let mut answers = Vec::with_capacity(group.len());
    let mut moved = BTreeMap::new();
    for word in group {
        let answer = known.apply(word);
        if let (Ok(Heard::News), Some(order)) = (&answer, known.order_of(&word.news)) {
            moved.entry(order).or_insert(Vec::new()).push(&word.news);
        }
        answers.push(answer);
    }
    let mut outcomes = Vec::new();
    for (order, news) in moved {
        let Some(tab) = known.tabs.get_mut(&order) else { continue };
        // A refund that failed is not tried again by itself, or a channel that always says no would be asked for ever.
        let settling = match news.iter().any(|news| matches!(news, News::Payment { .. } | News::Dispute(_))) {
            true => settle(desk, &mut tx, caller, tab, NOT_NEEDED).await?,
            false => Settling::Still,
        };
        tab.touch_order();
        outcomes.push((order, settling));
    }
    save(desk, &mut tx, caller, &mut known, outcomes).await?;
    keep_messages(&mut tx, caller, group, &answers).await?;
    Ok(tx.keep(answers).await?)
}

async fn look_up(tx: &mut Tx, tenant: TenantId, group: &[Word], now: Timestamp) -> Result<Known, StoreError> {
    let (mut payments, mut refunds, mut disputes) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for word in group {
        match &word.news {
            News::Payment { payment, .. } => drop(payments.insert(*payment)),
            News::Refund { refund, .. } => drop(refunds.insert(*refund)),
            News::Dispute(claim) => {
                payments.insert(claim.payment);
                disputes.insert(Dispute::id_of(claim));
            }
        }
    }
    let disputes: Vec<DisputeId> = disputes.into_iter().collect();
    let disputes = if disputes.is_empty() { Vec::new() } else { tx.disputes(tenant, &disputes).await? };
    let refunds: Vec<RefundId> = refunds.into_iter().collect();
    let mut refunds = if refunds.is_empty() { Vec::new() } else { tx.refunds(tenant, &refunds).await? };
    payments.extend(refunds.iter().map(|refund| refund.payment));
    let payments: Vec<PaymentId> = payments.into_iter().collect();
    let mut of_order: BTreeMap<OrderId, Vec<Payment>> = BTreeMap::new();
    let (mut order_of, mut virtual_orders) = (HashMap::new(), BTreeSet::new());
    for (payment, ships) in tx.payments_beside(tenant, &payments).await? {
        order_of.insert(payment.id, payment.order);
        if !ships {
            virtual_orders.insert(payment.order);
        }
        of_order.entry(payment.order).or_default().push(payment);
    }
    let orders: Vec<OrderId> = of_order.keys().copied().collect();
    if group.iter().any(|word| matches!(word.news, News::Dispute(_))) {
        // What else is on its way back may be in the way of a dispute.
        refunds.extend(tx.refunds_of(tenant, &orders).await?);
    }
    let orders: Vec<Order> = if orders.is_empty() { Vec::new() } else { tx.orders(tenant, None, &orders).await? };
    let tab = |order: Order| {
        let payments = of_order.remove(&order.id).unwrap_or_default();
        (order.id, Tab::open(order, payments, now))
    };
    let tabs = orders.into_iter().map(tab).collect();
    let refunds = refunds.into_iter().map(|refund| (refund.id, refund)).collect();
    let disputes = disputes.into_iter().map(|dispute| (dispute.id, (dispute.clone(), Some(dispute.version)))).collect();
    Ok(Known { tabs, order_of, virtual_orders, refunds, ended: Vec::new(), given_way: BTreeSet::new(), disputes })
}

impl Known {
    fn order_of(&self, news: &News) -> Option<OrderId> {
        match news {
            News::Payment { payment, .. } => self.order_of.get(payment).copied(),
            News::Refund { refund, .. } => self.refunds.get(refund).map(|refund| refund.order),
            News::Dispute(claim) => self.order_of.get(&claim.payment).copied(),
        }
    }

    fn apply(&mut self, word: &Word) -> Answer {
        let is_news = match &word.news {
            News::Payment { payment, standing } => {
                let order = self.order_of.get(payment).ok_or(PaymentError::UnknownPayment)?;
                let tab = self.tabs.get_mut(order).ok_or(PaymentError::UnknownPayment)?;
                tab.must_come_by(&word.terms, *payment)?;
                apply_standing(tab, *payment, standing, &word.terms)?
            }
            News::Refund { refund, standing } => {
                let refund = self.refunds.get_mut(refund).ok_or(PaymentError::UnknownRefund)?;
                let tab = self.tabs.get_mut(&refund.order).ok_or(PaymentError::UnknownRefund)?;
                tab.must_come_by(&word.terms, refund.payment)?;
                let is_news = apply_refund_standing(tab, refund, standing, &word.terms)?;
                if is_news {
                    self.ended.push(refund.clone());
                }
                is_news
            }
            News::Dispute(claim) => return self.apply_claim(claim, &word.terms),
        };
        Ok(if is_news { Heard::News } else { Heard::Known })
    }

    fn apply_claim(&mut self, claim: &Claim, terms: &Terms) -> Answer {
        let order = *self.order_of.get(&claim.payment).ok_or(PaymentError::UnknownPayment)?;
        let id = Dispute::id_of(claim);
        if !self.disputes.contains_key(&id) && claim.standing != DisputeStanding::Won {
            self.make_room(order, claim)?;
        }
        let tab = self.tabs.get_mut(&order).ok_or(PaymentError::UnknownPayment)?;
        tab.must_come_by(terms, claim.payment)?;
        match self.disputes.get_mut(&id) {
            None => {
                // Until the refund that is in the way has come to an end.
                let Some(dispute) = tab.dispute(claim)? else { return Ok(Heard::Kept) };
                self.disputes.insert(id, (dispute, None));
                Ok(Heard::News)
            }
            // It begins and ends in one group: its end waits until its beginning is booked.
            Some((dispute, None)) => match dispute.state.is_final() || claim.standing == DisputeStanding::Open {
                true => Ok(Heard::Known),
                false => Ok(Heard::Kept),
            },
            Some((dispute, Some(_))) => {
                let refund = self.refunds.get_mut(&dispute.refund).ok_or(PaymentError::UnknownRefund)?;
                let is_news = tab.hear_of(dispute, refund, claim)?;
                if is_news && dispute.state.is_final() {
                    self.ended.push(refund.clone());
                }
                Ok(if is_news { Heard::News } else { Heard::Known })
            }
        }
    }

    /// What only waits for a second person gives way to a dispute that needs the money: the bank decides now.
    fn make_room(&mut self, order: OrderId, claim: &Claim) -> Result<(), PaymentError> {
        let Some(tab) = self.tabs.get_mut(&order) else { return Ok(()) };
        let waits = |refund: &Refund| refund.payment == claim.payment && refund.state == RefundState::Requested;
        let waiting = self.refunds.values().filter(|refund| waits(refund)).map(|refund| refund.amount.minor()).sum();
        let missing = claim.amount.checked_sub(tab.refundable(claim.payment)?)?;
        if !(1..=waiting).contains(&missing.minor()) {
            return Ok(());
        }
        for refund in self.refunds.values_mut().filter(|refund| waits(refund)) {
            tab.reject(refund, DISPUTED)?;
            self.given_way.extend(refund.case.map(|case| (order, case)));
            self.ended.push(refund.clone());
        }
        Ok(())
    }

    /// The disputes that begin here, and those that moved on, each with the version it was read at.
    fn disputes_to_write(&self) -> (Vec<Dispute>, Vec<(&Dispute, i64)>) {
        let begun =
            self.disputes.values().filter(|(_, was)| was.is_none()).map(|(dispute, _)| dispute.clone()).collect();
        let moved = self.disputes.values().filter_map(|(dispute, was)| Some((dispute, (*was)?)));
        (begun, moved.filter(|(dispute, was)| dispute.version != *was).collect())
    }
}

fn apply_standing(tab: &mut Tab, payment: PaymentId, standing: &Standing, terms: &Terms) -> Result<bool, PaymentError> {
    match standing {
        Standing::Unheard | Standing::Open => Ok(false),
        Standing::Paid(receipt) => tab.capture(payment, receipt, terms),
        Standing::Failed { reason } => tab.give_up(payment, PaymentState::Failed, reason),
        Standing::Closed => tab.give_up(payment, PaymentState::Closed, ""),
    }
}

fn apply_refund_standing(
    tab: &mut Tab,
    refund: &mut Refund,
    standing: &RefundStanding,
    terms: &Terms,
) -> Result<bool, PaymentError> {
    match standing {
        RefundStanding::Unheard | RefundStanding::Processing => Ok(false),
        RefundStanding::Refunded { channel_no, amount } => {
            tab.refunded(refund, channel_no, *amount, terms.fee_on_refund)
        }
        RefundStanding::Failed { reason } => tab.refund_failed(refund, reason),
    }
}

async fn save(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    known: &mut Known,
    outcomes: Vec<(OrderId, Settling)>,
) -> Result<(), PaymentError> {
    let (begun, moved) = known.disputes_to_write();
    let mut to_write = Vec::with_capacity(outcomes.len());
    for (order, settling) in &outcomes {
        let Some(tab) = known.tabs.get(order) else { continue };
        let ended = known.ended.iter().filter(|refund| refund.order == *order);
        let mut events: Vec<Event> = ended.map(|refund| refund_event(desk, caller, &tab.order, refund)).collect();
        let disputes = begun.iter().chain(moved.iter().map(|(dispute, _)| *dispute));
        let disputes = disputes.filter(|dispute| dispute.order == *order);
        events.extend(disputes.map(|dispute| dispute_event(desk, caller, &tab.order, dispute)));
        to_write.push(Outcome { tab, settling: *settling, events });
    }
    if to_write.is_empty() {
        return Ok(());
    }
    save_tabs(desk, tx, caller, to_write).await?;
    tx.save_refunds(caller.tenant, &known.ended).await?;
    tx.insert_disputes(caller.tenant, &begun).await?;
    tx.save_disputes(caller.tenant, &moved).await?;
    for (order, case) in &known.given_way {
        if let Some(tab) = known.tabs.get_mut(order) {
            refund_rejected(desk, tx, caller, *case, &mut tab.order, DISPUTED).await?;
        }
    }
    for order in known.ended.iter().map(|refund| refund.order).collect::<BTreeSet<OrderId>>() {
        if let Some(tab) = known.tabs.get_mut(&order) {
            refunds_ended(desk, tx, caller, tab).await?;
        }
    }
    for (order, settling) in outcomes {
        if settling == Settling::Paid
            && known.virtual_orders.contains(&order)
            && let Some(tab) = known.tabs.get_mut(&order)
        {
            deliver_virtual(desk, tx, caller, &mut tab.order).await?;
        }
    }
    Ok(())
}

/// Keeps the messages of a group with what became of them.
async fn keep_messages(tx: &mut Tx, caller: &Caller, group: &[Word], answers: &[Answer]) -> Result<(), StoreError> {
    let mut messages: Vec<Message> = Vec::new();
    for (word, answer) in group.iter().zip(answers) {
        let Some(message) = &word.message else { continue };
        let (state, reason) = match answer {
            Ok(Heard::Kept) => (MessageState::Received, String::new()),
            Ok(Heard::News | Heard::Known) => (MessageState::Done, String::new()),
            Err(error) => (MessageState::Rejected, error.to_string()),
        };
        let is_twin = messages.iter().any(|m| (&m.channel, &m.event_id) == (&message.channel, &message.event_id));
        if !is_twin {
            messages.push(Message { state, reason, ..message.clone() });
        }
    }
    if messages.is_empty() {
        return Ok(());
    }
    let new = tx.receive(caller.tenant, &messages).await?;
    for (i, message) in messages.iter().enumerate() {
        // One that was kept earlier without being worked on has its answer now.
        if !new.contains(&i) {
            tx.answer_message(caller.tenant, message).await?;
        }
    }
    Ok(())
}

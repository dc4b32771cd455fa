//! Paying for an order: by gift cards, through a channel, or both; and at the counter.

use super::tab::{
    NOT_NEEDED, Settling, deliver_virtual, must_be_undisputed, open_tab, save_tab, settle, ships, take_again,
};
use super::{Desk, Shop, gift_cards};
use crate::caller::Caller;
use crate::money::Money;
use crate::order::{Act, Hold, Order, OrderError, OrderId, State, Step};
use crate::payment::{
    COUNTER, GiftCardId, Method, Payment, PaymentError, PaymentId, PaymentState, PaymentStatus, Refund, Tab,
};
use crate::permission::Permission;
use crate::port::{ChannelError, News, PaymentChannel, PaymentRequest, Standing, Started};
use crate::store::{Settled, Tx};
use crate::time::Timestamp;
use std::sync::Arc;

/// An order and how paying for it stands.
#[derive(Clone, Debug)]
pub struct Paying {
    pub order: Order,
    pub status: PaymentStatus,
    /// Oldest first. The shopper goes on at the `pay_url` of the open one.
    pub payments: Vec<Payment>,
    pub refunds: Vec<Refund>,
}

/// How long a shopper has to pay a difference after a change.
const DIFFERENCE_MINUTES: u32 = 30;
const PAY: &str = "pay";

/// What has to be done outside once a payment was started.
struct Begun {
    order: Order,
    /// To be opened at the channel.
    attempt: Option<Payment>,
    /// Open at channels that are not wanted any more.
    unwanted: Vec<Payment>,
}

impl Shop {
    /// Starts paying what an order owes. Gift cards pay first, each what it has; one channel pays the rest. Asked again for
    /// the same, it goes on with what it began; asked for something else, it closes that first, as long as nothing was paid.
    pub async fn pay(&self, caller: &Caller, order: OrderId, methods: &[Method]) -> Result<Paying, PaymentError> {
        caller.may_as_owner_or(Permission::WritePayments)?;
        let channel = self.channel_among(caller, methods)?;
        let begun = self.begin(caller, order, methods, channel.as_deref()).await?;
        for unwanted in &begun.unwanted {
            self.close_at_channel(caller, unwanted).await;
        }
        if let (Some(channel), Some(attempt)) = (channel, begun.attempt) {
            self.open_at_channel(caller, &begun.order, attempt, &channel).await?;
        }
        self.paying(caller, order).await
    }

    /// An order with its payments and refunds.
    pub async fn payments(&self, caller: &Caller, order: OrderId) -> Result<Paying, PaymentError> {
        caller.may_as_owner_or(Permission::ReadOrders)?;
        self.paying(caller, order).await
    }

    /// How an order stands after what a caller was allowed to do to it.
    pub(super) async fn paying(&self, caller: &Caller, order: OrderId) -> Result<Paying, PaymentError> {
        let mut conn = self.desk.store.read().await?;
        let order = conn.order(caller.tenant, caller.owner(), order).await?.ok_or(OrderError::NotFound)?;
        let payments = conn.payments(caller.tenant, &[order.id]).await?;
        let refunds = conn.refunds_of(caller.tenant, &[order.id]).await?;
        let tab = Tab::open(order, payments, self.now());
        Ok(Paying { status: tab.status(), order: tab.order, payments: tab.payments, refunds })
    }

    /// Confirms that an order was paid at the counter: in cash, by bank transfer; or what a change made it cost more. Its stock
    /// is the buyer's from now on. If the sweeper took the stock back first, the answer is [`OrderError::HoldExpired`] and nothing changes; see
    /// [`Shop::reclaim`].
    pub async fn confirm_paid(&self, caller: &Caller, id: OrderId) -> Result<Order, OrderError> {
        self.take_at_counter(caller, id, |order| match order.hold {
            Hold::Expired if order.state.is_unpaid() => Err(OrderError::HoldExpired),
            _ => Ok(()),
        })
        .await
    }

    /// The late-payment rule at the counter: the hold is over, the buyer is here. Reserves the goods once more and takes the
    /// money; where they are gone, the answer is [`OrderError::InsufficientStock`] and the money is not taken.
    pub async fn reclaim(&self, caller: &Caller, id: OrderId) -> Result<Order, OrderError> {
        self.take_at_counter(caller, id, |_| Ok(())).await
    }

    async fn take_at_counter(
        &self,
        caller: &Caller,
        id: OrderId,
        check: fn(&Order) -> Result<(), OrderError>,
    ) -> Result<Order, OrderError> {
        caller.may(Permission::WritePayments)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut tab = open_tab(&mut tx, caller, id, desk).await?;
                let owed = tab.order.owes()?;
                let owes_a_difference = !tab.order.state.is_unpaid() && owed.minor() > 0;
                if owes_a_difference {
                    must_be_undisputed(&mut tx, caller, id).await?;
                // Whether this caller may; the tab makes the move itself.
                } else if tab.order.clone().act(Act::Pay, caller.role(), tab.now)? == Step::AlreadyDone {
                    return Ok(tx.leave(tab.order));
                }
                check(&tab.order)?;
                if tab.order.state.is_unpaid() && tab.order.hold == Hold::Expired {
                    take_again(desk, &mut tx, caller, &mut tab.order).await?;
                }
                tab.close_open();
                if owed.minor() > 0 {
                    tab.take(desk.id(tab.now), COUNTER, owed)?;
                }
                let settling = settle(desk, &mut tx, caller, &mut tab, NOT_NEEDED).await?;
                finish(desk, tx, caller, tab, settling).await.map_err(OrderError::from)
            })
            .await
    }

    fn channel_among(
        &self,
        caller: &Caller,
        methods: &[Method],
    ) -> Result<Option<Arc<dyn PaymentChannel>>, PaymentError> {
        let mut codes = methods.iter().filter_map(|method| match method {
            Method::Channel { code } => Some(code.as_str()),
            Method::GiftCard { .. } => None,
        });
        let channel = codes.next().map(|code| self.desk.channels.find(caller.tenant, code)).transpose()?;
        match codes.next() {
            None => Ok(channel),
            Some(_) => Err(PaymentError::OneChannel),
        }
    }

    async fn begin(
        &self,
        caller: &Caller,
        order: OrderId,
        methods: &[Method],
        channel: Option<&dyn PaymentChannel>,
    ) -> Result<Begun, PaymentError> {
        let desk = &*self.desk;
        let channel = channel.map(|channel| channel.terms().code.as_str());
        desk.store
            .write(move |mut tx| async move {
                let mut tab = open_tab(&mut tx, caller, order, desk).await?;
                if tx.answered(caller, PAY).await?.is_some() {
                    let is_begun =
                        |payment: &&Payment| payment.state.is_open() && Some(payment.channel.as_str()) == channel;
                    let attempt = tab.payments.iter().rfind(is_begun).cloned();
                    return Ok(tx.leave(Begun { order: tab.order, attempt, unwanted: Vec::new() }));
                }
                let owed = awaited(&tab.order, tab.now)?;
                if !tab.order.state.is_unpaid() {
                    must_be_undisputed(&mut tx, caller, order).await?;
                }
                let (cards, rest) = share_out(&mut tx, caller, methods, &tab, owed).await?;
                if rest.minor() > 0 && channel.is_none() {
                    return Err(PaymentError::Incomplete { left: rest });
                }
                if let Some(attempt) = goes_on(&tab, &cards, channel, rest) {
                    let attempt = Some(attempt.clone());
                    return Ok(tx.leave(Begun { order: tab.order, attempt, unwanted: Vec::new() }));
                }
                if tab.order.hold == Hold::Expired {
                    // Better to know now that the goods are gone than when they are paid for.
                    take_again(desk, &mut tx, caller, &mut tab.order).await?;
                    tab.order.hold_until = tab.order.pay_until;
                }
                tab.close_open();
                let unwanted: Vec<Payment> = tab.payments.iter().filter(|p| p.state.is_open()).cloned().collect();
                let until = pay_until(&tab.order, tab.now);
                for (card, amount) in cards {
                    tab.authorise(desk.id(tab.now), card, amount, until);
                }
                let attempt = desk.id(tab.now);
                let code = channel.filter(|_| rest.minor() > 0);
                if let Some(code) = code {
                    tab.attempt(attempt, code, rest, until);
                }
                let attempt = tab.payments.iter().find(|payment| payment.id == attempt).cloned();
                let settling = if attempt.is_none() {
                    settle(desk, &mut tx, caller, &mut tab, NOT_NEEDED).await?
                } else {
                    Settling::Still
                };
                tab.touch_order();
                tx.keep_answer(caller, PAY, "", tab.now).await?;
                let order = finish(desk, tx, caller, tab, settling).await?;
                Ok(order.map(|order| Begun { order, attempt, unwanted }))
            })
            .await
    }

    /// What a shopper no longer wants to pay with is closed at its channel; should it have been paid meanwhile, that counts.
    /// Without an answer the janitor goes on asking.
    async fn close_at_channel(&self, caller: &Caller, unwanted: &Payment) {
        let Ok(channel) = self.desk.channels.find(caller.tenant, &unwanted.channel) else { return };
        if let Ok(standing) = channel.close(unwanted.id).await {
            let standing = if standing == Standing::Unheard { Standing::Closed } else { standing };
            let news = News::Payment { payment: unwanted.id, standing };
            // What cannot be written now is asked again.
            drop(self.hear(caller, channel.terms().clone(), news).await);
        }
    }

    async fn open_at_channel(
        &self,
        caller: &Caller,
        order: &Order,
        attempt: Payment,
        channel: &Arc<dyn PaymentChannel>,
    ) -> Result<(), PaymentError> {
        if attempt.state == PaymentState::Paying {
            return Ok(());
        }
        let request = PaymentRequest {
            payment: attempt.id,
            amount: attempt.amount,
            subject: order.order_no.clone(),
            expires_at: attempt.expires_at,
        };
        match channel.create(&request).await {
            Ok(started) => self.note_opened(caller, order.id, attempt.id, &started).await,
            Err(ChannelError::Refused(reason)) => {
                // An earlier try, whose answer got lost, may stand: only what is closed there has failed. Without an answer
                // the janitor goes on asking.
                if let Ok(standing) = channel.close(attempt.id).await {
                    let standing = match standing {
                        Standing::Unheard | Standing::Closed => Standing::Failed { reason: reason.clone() },
                        open_or_decided => open_or_decided,
                    };
                    let news = News::Payment { payment: attempt.id, standing };
                    self.hear(caller, channel.terms().clone(), news).await?;
                }
                Err(PaymentError::ChannelRefused(reason))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn note_opened(
        &self,
        caller: &Caller,
        order: OrderId,
        payment: PaymentId,
        started: &Started,
    ) -> Result<(), PaymentError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut tab = open_tab(&mut tx, caller, order, desk).await?;
                tab.opened(payment, started)?;
                tx.save_tabs(caller.tenant, &[&tab]).await?;
                Ok(tx.keep(()).await?)
            })
            .await
    }
}

/// Writes the tab, and delivers what needs no way.
async fn finish(
    desk: &Desk,
    mut tx: Tx,
    caller: &Caller,
    mut tab: Tab,
    settling: Settling,
) -> Result<Settled<Order>, PaymentError> {
    save_tab(desk, &mut tx, caller, &tab, settling, Vec::new()).await?;
    if settling == Settling::Paid && !ships(&mut tx, caller, tab.order.id).await? {
        deliver_virtual(desk, &mut tx, caller, &mut tab.order).await?;
    }
    Ok(tx.keep(tab.order).await?)
}

/// What the shopper is to pay; an error if that is nothing.
fn awaited(order: &Order, now: Timestamp) -> Result<Money, PaymentError> {
    let owed = order.owes()?;
    let may_pay = match order.state {
        State::PendingPayment => true,
        State::Created | State::Canceled => false,
        _ => owed.minor() > 0,
    };
    match may_pay {
        // The sweeper will cancel it any moment.
        true if order.state.is_unpaid() && order.pay_until <= now => Err(PaymentError::Overdue),
        true => Ok(owed),
        false => Err(PaymentError::NothingToPay),
    }
}

fn pay_until(order: &Order, now: Timestamp) -> Timestamp {
    if order.state.is_unpaid() { order.pay_until } else { now.plus_minutes(DIFFERENCE_MINUTES) }
}

/// How much each gift card pays, and what is left for the channel.
async fn share_out(
    tx: &mut Tx,
    caller: &Caller,
    methods: &[Method],
    tab: &Tab,
    owed: Money,
) -> Result<(Vec<(GiftCardId, Money)>, Money), PaymentError> {
    let mut cards: Vec<(GiftCardId, Money)> = Vec::new();
    let mut rest = owed;
    for method in methods {
        let Method::GiftCard { code } = method else { continue };
        let hash = gift_cards::hash(caller.tenant, code);
        let (card, available) = tx.gift_card(caller.tenant, &hash).await?.ok_or(PaymentError::UnknownGiftCard)?;
        // What this order has reserved on the card before is free for it again.
        let reserved = tab.payments.iter().filter(|p| p.card == Some(card.id) && p.state == PaymentState::Paying);
        let reserved = Money::sum(owed.currency(), reserved.map(|payment| payment.amount))?;
        let available = available.checked_add(reserved)?;
        let is_listed = cards.iter().any(|(listed, _)| *listed == card.id);
        if is_listed || available.minor() <= 0 || card.expires_at <= tab.now {
            return Err(PaymentError::UnknownGiftCard);
        }
        let part = Money::from_minor(available.minor().min(rest.minor()), owed.currency());
        if part.minor() > 0 {
            rest = rest.checked_sub(part)?;
            cards.push((card.id, part));
        }
    }
    Ok((cards, rest))
}

/// The open payment at the channel, if all that is open is exactly what this request asks for: then it is gone on with.
fn goes_on<'t>(tab: &'t Tab, cards: &[(GiftCardId, Money)], channel: Option<&str>, rest: Money) -> Option<&'t Payment> {
    let open = || tab.payments.iter().filter(|payment| payment.state.is_open());
    let promised: Vec<(GiftCardId, Money)> =
        open().filter_map(|payment| payment.card.map(|card| (card, payment.amount))).collect();
    let mut attempts = open().filter(|payment| payment.card.is_none());
    let attempt = attempts.next()?;
    let is_the_same = attempts.next().is_none()
        && promised == cards
        && channel == Some(attempt.channel.as_str())
        && attempt.amount == rest
        && attempt.expires_at > tab.now;
    is_the_same.then_some(attempt)
}

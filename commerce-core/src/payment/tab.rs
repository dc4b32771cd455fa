//! The tab of an order: the order and all its payments, while something about its money changes. It decides, and collects
//! what is to be written; nothing here touches the database.

use super::{
    GIFT_CARD, GiftCardId, Payment, PaymentError, PaymentId, PaymentState, PaymentStatus, Refund, RefundState,
};
use crate::after_sale::CaseId;
use crate::id::Id;
use crate::ledger::{AccountKind, Phase, Purpose, Transfer};
use crate::money::{Money, Round};
use crate::order::{Order, State};
use crate::port::{FeeOnRefund, Receipt, Terms};
use crate::time::Timestamp;

/// Why money may go back.
#[derive(Clone, Copy)]
pub(crate) struct Cause<'a> {
    pub(crate) reason: &'a str,
    pub(crate) case: Option<CaseId>,
    /// Who asks for it, where a second person has to look at it first.
    pub(crate) asked_by: Option<&'a str>,
}

impl<'a> From<&'a str> for Cause<'a> {
    fn from(reason: &'a str) -> Self {
        Self { reason, case: None, asked_by: None }
    }
}

pub struct Tab {
    pub order: Order,
    /// Oldest first.
    pub payments: Vec<Payment>,
    /// Refunds that came up; those that were there before are not here.
    pub refunds: Vec<Refund>,
    /// What is to be booked.
    pub(crate) transfers: Vec<Transfer>,
    /// The payments as they were loaded.
    loaded: Vec<(PaymentId, PaymentState, i64)>,
    order_version: i64,
    pub(crate) now: Timestamp,
}

impl Tab {
    pub(crate) fn open(order: Order, payments: Vec<Payment>, now: Timestamp) -> Self {
        let loaded = payments.iter().map(|payment| (payment.id, payment.state, payment.version)).collect();
        let order_version = order.version;
        Self { order, payments, refunds: Vec::new(), transfers: Vec::new(), loaded, order_version, now }
    }

    /// Counts the order's version up, unless a move has done so already.
    pub(crate) fn touch_order(&mut self) {
        if self.order.version == self.order_version {
            self.order.touch(self.now);
        }
    }

    /// Payments that are new here, and those that changed, with the version they had.
    pub(crate) fn written(&self) -> (Vec<&Payment>, Vec<(&Payment, i64)>) {
        let (mut new, mut changed) = (Vec::new(), Vec::new());
        for payment in &self.payments {
            match self.loaded.iter().find(|(id, ..)| *id == payment.id) {
                None => new.push(payment),
                Some((.., was)) if *was != payment.version => changed.push((payment, *was)),
                Some(_) => {}
            }
        }
        (new, changed)
    }

    /// Payments that have come to another state.
    pub(crate) fn moved(&self) -> impl Iterator<Item = &Payment> {
        let before =
            |payment: &Payment| self.loaded.iter().find(|(id, ..)| *id == payment.id).map(|(_, state, _)| *state);
        self.payments.iter().filter(move |payment| before(payment) != Some(payment.state))
    }

    /// What gift cards have promised and the channel's part would complete.
    fn promised(&self) -> i64 {
        let cards = self.payments.iter().filter(|p| p.state == PaymentState::Paying && p.card.is_some());
        cards.map(|payment| payment.amount.minor()).sum()
    }

    /// Whether all that was ever paid for the order is back with the shopper, and rightly so.
    pub(crate) fn is_given_back(&self) -> Result<bool, PaymentError> {
        let is_empty = |payment: &Payment| payment.refundable().is_zero() && payment.refunding.is_zero();
        Ok(self.order.due()?.minor() <= 0 && self.payments.iter().all(is_empty))
    }

    /// What has gone back, or is on its way.
    pub(crate) fn given_back(&self) -> i64 {
        self.payments.iter().map(|payment| payment.refunding.minor() + payment.refunded.minor()).sum()
    }

    pub(crate) fn refundable(&mut self, id: PaymentId) -> Result<Money, PaymentError> {
        Ok(self.payment(id)?.refundable())
    }

    /// What a channel says of other channels' payments is not believed.
    pub(crate) fn must_come_by(&mut self, terms: &Terms, id: PaymentId) -> Result<(), PaymentError> {
        if self.payment(id)?.channel == terms.code { Ok(()) } else { Err(PaymentError::UnknownPayment) }
    }

    /// Whether the order has, or is promised, all it costs.
    pub(crate) fn is_covered(&self) -> Result<bool, PaymentError> {
        Ok(self.promised() >= self.order.owes()?.minor())
    }

    fn payment(&mut self, id: PaymentId) -> Result<&mut Payment, PaymentError> {
        self.payments.iter_mut().find(|payment| payment.id == id).ok_or(PaymentError::UnknownPayment)
    }

    /// A channel is to be asked for the rest.
    pub(crate) fn attempt(&mut self, id: PaymentId, channel: &str, amount: Money, expires_at: Timestamp) {
        let attempt = Payment::new(id, self.order.id, channel, amount, self.now);
        let check_at = Some(self.now.plus_micros(super::patience(0)));
        self.payments.push(Payment { version: 1, expires_at, check_at, ..attempt });
    }

    /// The channel has opened the attempt: the shopper can pay there.
    pub(crate) fn opened(&mut self, id: PaymentId, started: &crate::port::Started) -> Result<(), PaymentError> {
        let now = self.now;
        let payment = self.payment(id)?;
        // The shopper may have paid before the answer reached us.
        if payment.state == PaymentState::Unpaid {
            payment.state = PaymentState::Paying;
        }
        if payment.state.is_open() {
            payment.channel_no.clone_from(&started.channel_no);
            payment.pay_url.clone_from(&started.pay_url);
            payment.touch(now);
        }
        Ok(())
    }

    /// A gift card promises its part: set aside on the card until the whole order is paid, or nothing is.
    pub(crate) fn authorise(&mut self, id: PaymentId, card: GiftCardId, amount: Money, expires_at: Timestamp) {
        let payment = Payment {
            card: Some(card),
            state: PaymentState::Paying,
            version: 1,
            expires_at,
            ..Payment::new(id, self.order.id, GIFT_CARD, amount, self.now)
        };
        self.transfers.push(payment.authorisation());
        self.payments.push(payment);
    }

    /// A channel has the shopper's money. `false` if this was known already.
    pub(crate) fn capture(&mut self, id: PaymentId, receipt: &Receipt, terms: &Terms) -> Result<bool, PaymentError> {
        let now = self.now;
        let payment = self.payment(id)?;
        check_receipt(payment, receipt, terms)?;
        if payment.state.is_captured() {
            return Ok(false);
        }
        if !payment.state.is_open() {
            return Err(PaymentError::Contradicted { state: payment.state });
        }
        payment.channel_no.clone_from(&receipt.channel_no);
        payment.fee = super::fee(terms, payment.amount)?;
        let (amount, fee, account) = (payment.amount, payment.fee, payment.account());
        receive(payment, now);
        let capture = Transfer::single(
            Id::following(id, "capture"),
            account.clone(),
            AccountKind::Deposits.own(),
            amount,
            Purpose::Capture,
        );
        self.transfers.push(capture.about(id, now));
        if !fee.is_zero() {
            let fee = Transfer::single(Id::following(id, "fee"), AccountKind::Fees.own(), account, fee, Purpose::Fee);
            self.transfers.push(fee.about(id, now));
        }
        self.order.paid = self.order.paid.checked_add(amount)?;
        Ok(true)
    }

    /// Money that needs no channel to confirm it came in.
    pub(crate) fn take(&mut self, id: PaymentId, channel: &str, amount: Money) -> Result<(), PaymentError> {
        let mut payment = Payment::new(id, self.order.id, channel, amount, self.now);
        receive(&mut payment, self.now);
        let (from, to) = (payment.account(), AccountKind::Deposits.own());
        let capture = Transfer::single(Id::following(id, "capture"), from, to, amount, Purpose::Capture);
        self.transfers.push(capture.about(id, self.now));
        self.payments.push(payment);
        self.order.paid = self.order.paid.checked_add(amount)?;
        Ok(())
    }

    /// The gift cards pay what they promised, because everything else has come in.
    pub(crate) fn redeem(&mut self) -> Result<(), PaymentError> {
        for payment in self.payments.iter_mut().filter(|p| p.state == PaymentState::Paying && p.card.is_some()) {
            let promise = payment.authorisation();
            match self.transfers.iter_mut().find(|transfer| transfer.id == promise.id) {
                // Promised and kept in one go: nothing was ever pending.
                Some(fresh) => *fresh = Transfer { phase: Phase::Single, purpose: Purpose::Capture, ..promise },
                None => self.transfers.push(promise.posted(self.now)),
            }
            receive(payment, self.now);
            self.order.paid = self.order.paid.checked_add(payment.amount)?;
        }
        Ok(())
    }

    /// Ends the attempts that are open: gift cards are free at once, channels are told as soon as possible.
    pub(crate) fn close_open(&mut self) {
        self.release_cards();
        let now = self.now;
        for payment in self.payments.iter_mut().filter(|payment| payment.state.is_open()) {
            payment.expires_at = now.min(payment.expires_at);
            payment.check_at = Some(now);
            payment.touch(now);
        }
    }

    /// What gift cards have promised is theirs again.
    fn release_cards(&mut self) {
        let now = self.now;
        for payment in self.payments.iter_mut().filter(|payment| payment.state.is_open() && payment.card.is_some()) {
            self.transfers.push(payment.authorisation().voided(now));
            payment.state = PaymentState::Closed;
            payment.check_at = None;
            payment.touch(now);
        }
    }

    /// A channel says that nobody will pay by this attempt. `false` if that was known already.
    pub(crate) fn give_up(&mut self, id: PaymentId, state: PaymentState, failure: &str) -> Result<bool, PaymentError> {
        let now = self.now;
        let payment = self.payment(id)?;
        if !payment.state.is_open() {
            return Ok(false);
        }
        payment.state = state;
        payment.check_at = None;
        failure.clone_into(&mut payment.failure);
        payment.touch(now);
        // A promise lasts as long as an attempt that could complete it.
        let is_open = self.payments.iter().any(|payment| payment.state.is_open() && payment.card.is_none());
        if !is_open && !self.is_covered()? {
            self.release_cards();
        }
        Ok(true)
    }

    /// The rule for money: what the order does not need goes back, what it needs it has earned. To be called whenever the
    /// order or its payments have changed.
    pub(crate) fn settle(
        &mut self,
        cause: &Cause<'_>,
        mut id: impl FnMut() -> super::RefundId,
    ) -> Result<(), PaymentError> {
        let mut surplus = -self.order.owes()?.minor();
        // The newest payment first: what was paid last for a change goes back first when the change is undone.
        for i in (0..self.payments.len()).rev() {
            while surplus > 0 {
                let payment = &self.payments[i];
                // What no order earned goes back before what this one did.
                let most = match payment.deposited.minor() {
                    0 => payment.refundable().minor(),
                    deposited => payment.refundable().minor().min(deposited),
                };
                let part = most.min(surplus);
                if part == 0 {
                    break;
                }
                surplus -= part;
                self.refund(i, Money::from_minor(part, self.order.currency), id(), cause)?;
            }
        }
        self.earn();
        Ok(())
    }

    fn refund(&mut self, i: usize, amount: Money, id: super::RefundId, cause: &Cause<'_>) -> Result<(), PaymentError> {
        let payment = &self.payments[i];
        let state = match cause.asked_by {
            Some(_) => RefundState::Requested,
            None if payment.is_our_own() => RefundState::Refunded,
            None => RefundState::Approved,
        };
        let source = if payment.deposited.is_zero() { AccountKind::Merchant } else { AccountKind::Deposits };
        let refund = Refund {
            state,
            source,
            reason: cause.reason.to_owned(),
            case: cause.case,
            asked_by: cause.asked_by.unwrap_or_default().to_owned(),
            check_at: (state == RefundState::Approved).then_some(self.now),
            ..Refund::new(id, payment, amount, self.now)
        };
        self.give(i, refund)
    }

    /// Money of a payment is on its way back, or has arrived in the same moment.
    pub(super) fn give(&mut self, i: usize, refund: Refund) -> Result<(), PaymentError> {
        let (now, amount) = (self.now, refund.amount);
        let payment = &mut self.payments[i];
        if refund.source == AccountKind::Deposits {
            payment.deposited = payment.deposited.checked_sub(amount)?;
        }
        let reservation = refund.reservation(payment.account());
        if refund.state == RefundState::Refunded {
            payment.refunded = payment.refunded.checked_add(amount)?;
            mark_refunded(payment);
            self.transfers.push(Transfer { phase: Phase::Single, ..reservation });
        } else {
            payment.refunding = payment.refunding.checked_add(amount)?;
            self.transfers.push(reservation);
        }
        payment.touch(now);
        self.refunds.push(refund);
        self.order.paid = self.order.paid.checked_sub(amount)?;
        Ok(())
    }

    /// A second person agrees with a refund: it goes its way.
    pub(crate) fn approve(&mut self, refund: &mut Refund) -> Result<(), PaymentError> {
        if self.payment(refund.payment)?.is_our_own() {
            return self.refunded(refund, "", refund.amount, FeeOnRefund::Kept).map(drop);
        }
        refund.state = RefundState::Approved;
        refund.check_at = Some(self.now);
        refund.touch(self.now);
        Ok(())
    }

    /// A second person does not agree: the money stays, and is not owed.
    pub(crate) fn reject(&mut self, refund: &mut Refund, why: &str) -> Result<(), PaymentError> {
        self.refund_failed(refund, why)?;
        self.order.returned = self.order.returned.checked_sub(refund.amount)?;
        Ok(())
    }

    /// An order that goes ahead has earned what was paid for it.
    fn earn(&mut self) {
        if self.order.state.is_unpaid() || self.order.state == State::Canceled {
            return;
        }
        for payment in self.payments.iter_mut().filter(|payment| !payment.deposited.is_zero()) {
            let amount = payment.deposited;
            // Once for each payment, unless a refund failed and its money came back to be earned.
            let id = Id::following(payment.id, &format!("earn/{}", payment.version));
            let earned =
                Transfer::single(id, AccountKind::Deposits.own(), AccountKind::Merchant.own(), amount, Purpose::Earn);
            self.transfers.push(earned.about(payment.id, self.now));
            payment.deposited = Money::zero(amount.currency());
            payment.touch(self.now);
        }
    }

    /// The channel has given the money back. `false` if that was known already.
    pub(crate) fn refunded(
        &mut self,
        refund: &mut Refund,
        channel_no: &str,
        amount: Money,
        fee_on_refund: FeeOnRefund,
    ) -> Result<bool, PaymentError> {
        if refund.state == RefundState::Refunded {
            return Ok(false);
        }
        if amount != refund.amount {
            return Err(PaymentError::AmountMismatch { expected: refund.amount, got: amount });
        }
        if refund.state.is_final() {
            return Err(PaymentError::RefundContradicted { state: refund.state });
        }
        let now = self.now;
        let payment = self.payment(refund.payment)?;
        payment.refunding = payment.refunding.checked_sub(amount)?;
        payment.refunded = payment.refunded.checked_add(amount)?;
        mark_refunded(payment);
        let fee = fee_to_return(payment, fee_on_refund)?;
        payment.fee_returned = payment.fee_returned.checked_add(fee)?;
        payment.touch(now);
        let account = payment.account();
        self.transfers.push(refund.reservation(account.clone()).posted(now));
        if !fee.is_zero() {
            let id = Id::following(refund.id, "fee");
            let returned = Transfer::single(id, account, AccountKind::Fees.own(), fee, Purpose::FeeReturned);
            self.transfers.push(returned.about(refund.id, now));
        }
        channel_no.clone_into(&mut refund.channel_no);
        end(refund, RefundState::Refunded, now);
        Ok(true)
    }

    /// The channel will not give the money back: the shop still has it, and still owes it.
    pub(crate) fn refund_failed(&mut self, refund: &mut Refund, failure: &str) -> Result<bool, PaymentError> {
        if refund.state == RefundState::Failed {
            return Ok(false);
        }
        if refund.state.is_final() {
            return Err(PaymentError::RefundContradicted { state: refund.state });
        }
        let now = self.now;
        let payment = self.payment(refund.payment)?;
        payment.refunding = payment.refunding.checked_sub(refund.amount)?;
        if refund.source == AccountKind::Deposits {
            payment.deposited = payment.deposited.checked_add(refund.amount)?;
        }
        payment.touch(now);
        let account = payment.account();
        self.transfers.push(refund.reservation(account).voided(now));
        self.order.paid = self.order.paid.checked_add(refund.amount)?;
        failure.clone_into(&mut refund.failure);
        end(refund, RefundState::Failed, now);
        Ok(true)
    }

    pub fn status(&self) -> PaymentStatus {
        let sum = |part: fn(&Payment) -> i64| self.payments.iter().map(part).sum::<i64>();
        let captured = sum(|p| if p.state.is_captured() { p.amount.minor() } else { 0 });
        let back = sum(|p| p.refunded.minor());
        let has = |state| self.payments.iter().any(|payment| payment.state == state);
        match (captured, back) {
            (1.., 0) if self.order.state.is_unpaid() => PaymentStatus::Paying,
            (1.., 0) => PaymentStatus::Paid,
            (1.., back) if back == captured => PaymentStatus::Refunded,
            (1.., _) => PaymentStatus::PartiallyRefunded,
            _ if has(PaymentState::Unpaid) || has(PaymentState::Paying) => PaymentStatus::Paying,
            _ if has(PaymentState::Failed) => PaymentStatus::Failed,
            _ if has(PaymentState::Closed) => PaymentStatus::Closed,
            _ => PaymentStatus::Unpaid,
        }
    }
}

fn check_receipt(payment: &Payment, receipt: &Receipt, terms: &Terms) -> Result<(), PaymentError> {
    if receipt.merchant != terms.merchant {
        return Err(PaymentError::MerchantMismatch);
    }
    payment.amount.checked_sub(receipt.amount)?;
    if receipt.amount != payment.amount {
        return Err(PaymentError::AmountMismatch { expected: payment.amount, got: receipt.amount });
    }
    Ok(())
}

fn receive(payment: &mut Payment, now: Timestamp) {
    payment.state = PaymentState::Paid;
    payment.deposited = payment.amount;
    payment.check_at = None;
    payment.touch(now);
}

fn mark_refunded(payment: &mut Payment) {
    payment.state =
        if payment.refunded == payment.amount { PaymentState::Refunded } else { PaymentState::PartiallyRefunded };
}

fn end(refund: &mut Refund, state: RefundState, now: Timestamp) {
    refund.state = state;
    refund.check_at = None;
    refund.touch(now);
}

/// What of the fee comes back by now, less what came back before: so the parts add up to the whole fee, whatever the steps.
fn fee_to_return(payment: &Payment, fee_on_refund: FeeOnRefund) -> Result<Money, PaymentError> {
    if fee_on_refund == FeeOnRefund::Kept {
        return Ok(Money::zero(payment.fee.currency()));
    }
    let share = payment.fee.share(payment.refunded, payment.amount, Round::HalfUp)?;
    Ok(share.checked_sub(payment.fee_returned)?)
}

//! What must hold: after every step, and once everything has settled.

use super::{BANKS, Done, Market, Patience};
use crate::ledger::seal::Trusted;
use crate::order::{OrderId, State};
use crate::payment::RefundState;
use crate::sandbox::{ChargeState, ComplaintState, Provider};
use crate::store::AccountSearch;
use crate::time::{HOUR, MINUTE};

impl Market {
    /// After every step: in every currency, what was debited was credited.
    pub(super) async fn check_sums(&self) -> Done {
        let all = self.world.shop.balances(&self.staff(), &AccountSearch::default(), None).await;
        let all = all.map_err(|error| error.to_string())?;
        let sum = |part: fn(&crate::ledger::Sums) -> i64| all.iter().map(|account| part(&account.sums)).sum::<i64>();
        let posted = sum(|sums| sums.debits_posted - sums.credits_posted);
        let pending = sum(|sums| sums.debits_pending - sums.credits_pending);
        if (posted, pending) == (0, 0) {
            Ok(())
        } else {
            Err(format!("the books are off by {posted} ({pending} pending)"))
        }
    }

    /// The companies behave and decide, everything is looked at, delivered and asked, time passes; then the shop owes nobody
    /// anything, and the companies' books and its own say the same.
    pub(super) async fn settle_down(&mut self) -> Done {
        for i in 0..self.banks.len() {
            self.bank(i).behave();
        }
        while !self.world.shop.refunds_to_approve(&self.staff()).await.map_err(|error| error.to_string())?.is_empty() {
            self.second_look().await?;
        }
        for round in 0..10 {
            for _ in 0..20 {
                self.decide()?;
            }
            self.deliver(Patience::Much).await?;
            self.chase().await?;
            self.deliver(Patience::Much).await?;
            self.time_passes(11).await?;
            self.clock.advance(11 * MINUTE);
            if round == 6 {
                self.retry_refunds().await?;
                // A bank that did not tell of a dispute is asked.
                self.clock.advance(HOUR);
            }
        }
        for order in self.orders.clone() {
            self.check_settled(order).await?;
        }
        let open = self.world.shop.open_disputes(&self.staff()).await.map_err(|error| error.to_string())?;
        if let Some(open) = open.first() {
            return Err(format!("{} is still {}", open.id, open.state));
        }
        let decided = |bank: &Provider| bank.complaints().filter(|complaint| complaint.state.is_decided()).count();
        self.report.disputed = (0..self.banks.len()).map(|i| decided(&self.bank(i))).sum();
        self.report.orders += self.orders.len();
        Ok(())
    }

    async fn retry_refunds(&mut self) -> Done {
        for order in self.orders.clone() {
            let retried = self.world.shop.retry_refunds(&self.staff(), order).await;
            self.outcome(retried).await?;
        }
        Ok(())
    }

    async fn check_settled(&mut self, id: OrderId) -> Done {
        let paying = self.world.shop.payments(&self.staff(), id).await.map_err(|error| error.to_string())?;
        let order = &paying.order;
        let owes = order.owes().map_err(|error| error.to_string())?;
        if owes.is_negative() {
            return Err(format!("{id} is {}, and {owes} are still to go back", order.state));
        }
        if order.state == State::PendingPayment {
            return Err(format!("{id} still waits for its payment"));
        }
        if let Some(open) = paying.payments.iter().find(|payment| payment.state.is_open()) {
            return Err(format!("{} of {id} is still {}", open.id, open.state));
        }
        if let Some(open) = paying.refunds.iter().find(|refund| !refund.state.is_final()) {
            return Err(format!("{} of {id} is still {}", open.id, open.state));
        }
        for payment in paying.payments.iter().filter(|payment| payment.card.is_none()) {
            let Some(i) = BANKS.iter().position(|code| *code == payment.channel) else { continue };
            let bank = self.bank(i);
            let no = payment.id.to_string();
            let is_paid = bank.charge(&no).is_some_and(|charge| charge.state == ChargeState::Paid);
            if is_paid != payment.state.is_captured() {
                return Err(format!("{no} is {}, its bank has {:?}", payment.state, bank.charge(&no)));
            }
            let returned = bank.returns().filter(|back| back.trade_no == no).map(|back| back.amount.minor());
            let lost = bank.complaints().filter(|lost| lost.trade_no == no && lost.state == ComplaintState::BuyerWon);
            let back: i64 = returned.chain(lost.map(|lost| lost.amount.minor())).sum();
            if back != payment.refunded.minor() {
                return Err(format!("{no} was refunded {}, its bank gave back {back}", payment.refunded));
            }
        }
        self.report.captured += paying.payments.iter().filter(|payment| payment.state.is_captured()).count();
        self.report.given_back += paying.refunds.iter().filter(|refund| refund.state == RefundState::Refunded).count();
        Ok(())
    }

    pub(super) async fn verify(&self) -> Done {
        self.world.check_books().await?;
        self.world.shop.verify(&self.staff(), &Trusted::default()).await.map(drop).map_err(|error| error.to_string())
    }
}

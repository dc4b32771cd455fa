use super::{Cell, Conn, Row, StoreError, Tx};
use crate::id::{Entity, Id};
use crate::ledger::AccountKind;
use crate::money::{Currency, Money};
use crate::order::OrderId;
use crate::payment::{GiftCard, Payment, PaymentId, Refund, RefundId, Tab};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;

/// A message of a channel, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) channel: String,
    pub(crate) event_id: String,
    /// Everything that is needed to read it again.
    pub(crate) body: String,
    pub(crate) state: MessageState,
    pub(crate) reason: String,
    pub(crate) received_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum MessageState {
    Received,
    Done,
    Rejected,
}

/// What is looked at again later: when that was due, and when it is due now.
pub(crate) type PutOff<T> = (Id<T>, Timestamp, Timestamp);

impl Conn {
    /// All payments of these orders, oldest first.
    pub async fn payments(&mut self, tenant: TenantId, orders: &[OrderId]) -> Result<Vec<Payment>, StoreError> {
        let wanted: Vec<_> = orders.iter().map(|id| json!({ "id": id })).collect();
        let rows = self.sql(include_str!("sql/payment/of_orders.sql")).text(tenant).json(&wanted).rows().await?;
        rows.iter().map(read_payment).collect()
    }

    /// These payments and all others of their orders; with each, whether its order has anything to ship.
    pub(crate) async fn payments_beside(
        &mut self,
        tenant: TenantId,
        payments: &[PaymentId],
    ) -> Result<Vec<(Payment, bool)>, StoreError> {
        let wanted: Vec<_> = payments.iter().map(|id| json!({ "payment": id })).collect();
        let rows = self.sql(include_str!("sql/payment/beside.sql")).text(tenant).json(&wanted).rows().await?;
        let mut found: Vec<(Payment, bool)> = Vec::with_capacity(rows.len());
        for row in rows {
            let payment = read_payment(&row)?;
            // Two that are asked about may be of one order.
            if !found.iter().any(|(known, _)| known.id == payment.id) {
                found.push((payment, row.is("ships")?));
            }
        }
        Ok(found)
    }

    pub(crate) async fn payments_to_check(
        &mut self,
        tenant: TenantId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Payment>, StoreError> {
        let question = self.sql(include_str!("sql/payment/to_check.sql"));
        let rows = question.text(tenant).time(now).int(limit).rows().await?;
        rows.iter().map(read_payment).collect()
    }

    pub(crate) async fn refunds(&mut self, tenant: TenantId, ids: &[RefundId]) -> Result<Vec<Refund>, StoreError> {
        let wanted: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        let rows = self.sql(include_str!("sql/refund/find.sql")).text(tenant).json(&wanted).rows().await?;
        rows.iter().map(read_refund).collect()
    }

    /// All refunds of these orders, oldest first.
    pub async fn refunds_of(&mut self, tenant: TenantId, orders: &[OrderId]) -> Result<Vec<Refund>, StoreError> {
        let wanted: Vec<_> = orders.iter().map(|id| json!({ "id": id })).collect();
        let rows = self.sql(include_str!("sql/refund/of_orders.sql")).text(tenant).json(&wanted).rows().await?;
        rows.iter().map(read_refund).collect()
    }

    /// Refunds that wait for a second person.
    pub(crate) async fn requested_refunds(&mut self, tenant: TenantId, limit: u32) -> Result<Vec<Refund>, StoreError> {
        let rows = self.sql(include_str!("sql/refund/requested.sql")).text(tenant).int(limit).rows().await?;
        rows.iter().map(read_refund).collect()
    }

    /// Refunds that have to be sent or asked about, and through which channel.
    pub(crate) async fn refunds_to_check(
        &mut self,
        tenant: TenantId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<(Refund, String)>, StoreError> {
        let question = self.sql(include_str!("sql/refund/to_check.sql"));
        let rows = question.text(tenant).time(now).int(limit).rows().await?;
        rows.into_iter().map(|row| Ok((read_refund(&row)?, row.text("channel")?))).collect()
    }

    /// The gift card of this code and what can be taken from it.
    pub(crate) async fn gift_card(
        &mut self,
        tenant: TenantId,
        code_hash: &str,
    ) -> Result<Option<(GiftCard, Money)>, StoreError> {
        let row = self.sql(include_str!("sql/gift_card/by_code.sql")).text(tenant).text(code_hash).row().await?;
        let Some(row) = row else { return Ok(None) };
        let currency: Currency = row.word("currency")?;
        let card = GiftCard {
            id: row.id("id")?,
            tail: row.text("tail")?,
            amount: row.money("amount", currency)?,
            expires_at: row.time("expires_at")?,
        };
        Ok(Some((card, row.money("available", currency)?)))
    }

    /// Messages that were stored and not worked on yet.
    pub(crate) async fn received(
        &mut self,
        tenant: TenantId,
        after: Timestamp,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let question = self.sql(include_str!("sql/inbox/received.sql")).text(tenant).time(after).int(limit);
        let rows = question.rows().await?;
        let read = |row: Row| {
            Ok(Message {
                channel: row.text("channel")?,
                event_id: row.text("event_id")?,
                body: row.text("body")?,
                state: MessageState::Received,
                reason: String::new(),
                received_at: row.time("received_at")?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}

impl Tx {
    /// Writes what came up on these tabs: payments, refunds, and the movements of money. The orders themselves are saved by
    /// whoever changed them.
    pub(crate) async fn save_tabs(&mut self, tenant: TenantId, tabs: &[&Tab]) -> Result<(), StoreError> {
        let mut new = Vec::new();
        let mut changed = Vec::new();
        for tab in tabs {
            let (of_tab_new, of_tab_changed) = tab.written();
            new.extend(of_tab_new);
            changed.extend(of_tab_changed);
        }
        if !new.is_empty() {
            let rows = new.into_iter().map(|payment| payment_row(tenant, payment)).collect();
            self.sql_rows(include_str!("sql/payment/insert.sql"), rows).run().await?;
        }
        self.save_payments(tenant, &changed).await?;
        let refunds: Vec<_> =
            tabs.iter().flat_map(|tab| &tab.refunds).map(|refund| refund_row(tenant, refund)).collect();
        if !refunds.is_empty() {
            self.sql_rows(include_str!("sql/refund/insert.sql"), refunds).run().await?;
        }
        Ok(())
    }

    async fn save_payments(&mut self, tenant: TenantId, changed: &[(&Payment, i64)]) -> Result<(), StoreError> {
        if changed.is_empty() {
            return Ok(());
        }
        let mut in_order = changed.to_vec();
        in_order.sort_by_key(|(payment, _)| payment.id);
        let rows = in_order.into_iter().map(|(payment, was)| save_payment_row(tenant, payment, was)).collect();
        let saved = self.sql_rows(include_str!("sql/payment/save.sql"), rows).changes().await?;
        if saved == changed.len() { Ok(()) } else { Err(self.lost_a_race()) }
    }

    /// Saves a refund that was read and touched once in this write.
    pub(crate) async fn save_refunds(&mut self, tenant: TenantId, refunds: &[Refund]) -> Result<(), StoreError> {
        if refunds.is_empty() {
            return Ok(());
        }
        let row = |r: &Refund| {
            vec![
                Cell::text(r.id),
                Cell::text(tenant),
                Cell::int(r.version - 1),
                Cell::text(r.state),
                Cell::text(&r.channel_no),
                Cell::text(&r.failure),
                clock(r.check_at),
                Cell::int(r.version),
                Cell::time(r.updated_at),
            ]
        };
        let rows = refunds.iter().map(row).collect();
        let saved = self.sql_rows(include_str!("sql/refund/save.sql"), rows).changes().await?;
        if saved == refunds.len() { Ok(()) } else { Err(self.lost_a_race()) }
    }

    /// Puts off the next look at these payments; returns those that nobody else has put off already.
    pub(crate) async fn claim_payments(
        &mut self,
        tenant: TenantId,
        payments: &[PutOff<Payment>],
    ) -> Result<Vec<PaymentId>, StoreError> {
        self.claim(include_str!("sql/payment/claim.sql"), tenant, payments).await
    }

    /// [`Tx::claim_payments`] for refunds; one that is claimed counts as sent.
    pub(crate) async fn claim_refunds(
        &mut self,
        tenant: TenantId,
        refunds: &[PutOff<Refund>],
    ) -> Result<Vec<RefundId>, StoreError> {
        self.claim(include_str!("sql/refund/claim.sql"), tenant, refunds).await
    }

    pub(super) async fn claim<T: Entity>(
        &mut self,
        text: &'static str,
        tenant: TenantId,
        put_off: &[PutOff<T>],
    ) -> Result<Vec<Id<T>>, StoreError> {
        let row =
            |(id, was, next): &PutOff<T>| vec![Cell::text(id), Cell::text(tenant), Cell::time(*was), Cell::time(*next)];
        let claimed = self.sql_rows(text, put_off.iter().map(row).collect()).rows().await?;
        claimed.iter().map(|row| row.id("id")).collect()
    }

    pub(crate) async fn insert_gift_card(
        &mut self,
        tenant: TenantId,
        card: &GiftCard,
        code_hash: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let statement = self.sql(include_str!("sql/gift_card/insert.sql")).text(card.id).text(tenant).text(code_hash);
        let statement = statement.text(&card.tail).text(card.amount.currency()).int(card.amount.minor());
        statement.time(card.expires_at).time(now).run().await
    }

    /// Keeps messages; returns the place of each that is new.
    pub(crate) async fn receive(&mut self, tenant: TenantId, messages: &[Message]) -> Result<Vec<usize>, StoreError> {
        let row = |m: &Message| {
            vec![
                Cell::text(tenant),
                Cell::text(&m.channel),
                Cell::text(&m.event_id),
                Cell::text(&m.body),
                Cell::text(m.state),
                Cell::text(&m.reason),
                Cell::time(m.received_at),
            ]
        };
        let rows = messages.iter().map(row).collect();
        let mut new = Vec::new();
        for row in self.sql_rows(include_str!("sql/inbox/insert.sql"), rows).rows().await? {
            let (channel, event_id) = (row.text("channel")?, row.text("event_id")?);
            new.extend(messages.iter().position(|m| m.channel == channel && m.event_id == event_id));
        }
        Ok(new)
    }

    /// Notes what became of a message that had been stored first.
    pub(crate) async fn answer_message(&mut self, tenant: TenantId, message: &Message) -> Result<(), StoreError> {
        let statement = self.sql(include_str!("sql/inbox/answer.sql")).text(tenant).text(&message.channel);
        statement.text(&message.event_id).text(message.state).text(&message.reason).run().await
    }
}

/// 0 stands for never.
pub(super) fn clock(time: Option<Timestamp>) -> Cell {
    Cell::time(time.unwrap_or(Timestamp::from_micros(0)))
}

pub(super) fn read_clock(row: &Row, column: &str) -> Result<Option<Timestamp>, StoreError> {
    Ok(Some(row.time(column)?).filter(|time| time.micros() > 0))
}

fn payment_row(tenant: TenantId, p: &Payment) -> Vec<Cell> {
    vec![
        Cell::text(p.id),
        Cell::text(tenant),
        Cell::text(p.order),
        Cell::text(&p.channel),
        Cell::maybe(p.card),
        Cell::text(p.state),
        Cell::text(p.amount.currency()),
        Cell::money(p.amount),
        Cell::money(p.refunding),
        Cell::money(p.refunded),
        Cell::money(p.deposited),
        Cell::money(p.fee),
        Cell::money(p.fee_returned),
        Cell::text(&p.channel_no),
        Cell::text(&p.pay_url),
        Cell::text(&p.failure),
        Cell::time(p.expires_at),
        clock(p.check_at),
        Cell::int(p.checks),
        Cell::int(p.version),
        Cell::time(p.created_at),
        Cell::time(p.updated_at),
    ]
}

fn save_payment_row(tenant: TenantId, p: &Payment, was: i64) -> Vec<Cell> {
    vec![
        Cell::text(p.id),
        Cell::text(tenant),
        Cell::int(was),
        Cell::text(p.state),
        Cell::money(p.refunding),
        Cell::money(p.refunded),
        Cell::money(p.deposited),
        Cell::money(p.fee),
        Cell::money(p.fee_returned),
        Cell::text(&p.channel_no),
        Cell::text(&p.pay_url),
        Cell::text(&p.failure),
        Cell::time(p.expires_at),
        clock(p.check_at),
        Cell::int(p.version),
        Cell::time(p.updated_at),
    ]
}

fn refund_row(tenant: TenantId, r: &Refund) -> Vec<Cell> {
    vec![
        Cell::text(r.id),
        Cell::text(tenant),
        Cell::text(r.order),
        Cell::text(r.payment),
        Cell::text(r.state),
        Cell::text(r.amount.currency()),
        Cell::money(r.amount),
        Cell::text(r.source),
        Cell::text(&r.reason),
        Cell::maybe(r.case),
        Cell::text(&r.asked_by),
        Cell::text(&r.channel_no),
        Cell::text(&r.failure),
        clock(r.check_at),
        Cell::int(r.checks),
        Cell::int(r.version),
        Cell::time(r.created_at),
        Cell::time(r.updated_at),
    ]
}

fn read_payment(row: &Row) -> Result<Payment, StoreError> {
    let currency = row.word("currency")?;
    Ok(Payment {
        id: row.id("id")?,
        order: row.id("orders")?,
        channel: row.text("channel")?,
        card: row.maybe_id("card")?,
        state: row.word("state")?,
        amount: row.money("amount", currency)?,
        refunding: row.money("refunding", currency)?,
        refunded: row.money("refunded", currency)?,
        deposited: row.money("deposited", currency)?,
        fee: row.money("fee", currency)?,
        fee_returned: row.money("fee_returned", currency)?,
        channel_no: row.text("channel_no")?,
        pay_url: row.text("pay_url")?,
        failure: row.text("failure")?,
        expires_at: row.time("expires_at")?,
        check_at: read_clock(row, "check_at")?,
        checks: row.count("checks")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn read_refund(row: &Row) -> Result<Refund, StoreError> {
    let currency = row.word("currency")?;
    Ok(Refund {
        id: row.id("id")?,
        order: row.id("orders")?,
        payment: row.id("payment")?,
        state: row.word("state")?,
        amount: row.money("amount", currency)?,
        source: row.word::<AccountKind>("source")?,
        reason: row.text("reason")?,
        case: row.maybe_id("after_sale")?,
        asked_by: row.text("asked_by")?,
        channel_no: row.text("channel_no")?,
        failure: row.text("failure")?,
        check_at: read_clock(row, "check_at")?,
        checks: row.count("checks")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

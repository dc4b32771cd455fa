use super::payment::{PutOff, clock, read_clock};
use super::{Cell, Conn, Row, StoreError, Tx};
use crate::order::OrderId;
use crate::payment::{Dispute, DisputeId};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;

impl Conn {
    pub(crate) async fn disputes(&mut self, tenant: TenantId, ids: &[DisputeId]) -> Result<Vec<Dispute>, StoreError> {
        let wanted: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        let rows = self.sql(include_str!("sql/dispute/find.sql")).text(tenant).json(&wanted).rows().await?;
        rows.iter().map(read).collect()
    }

    /// All disputes about an order, oldest first.
    pub(crate) async fn disputes_of(&mut self, tenant: TenantId, order: OrderId) -> Result<Vec<Dispute>, StoreError> {
        let rows = self.sql(include_str!("sql/dispute/of_order.sql")).text(tenant).text(order).rows().await?;
        rows.iter().map(read).collect()
    }

    /// The disputes that are not decided, that due first first.
    pub(crate) async fn open_disputes(&mut self, tenant: TenantId, limit: u32) -> Result<Vec<Dispute>, StoreError> {
        let rows = self.sql(include_str!("sql/dispute/open.sql")).text(tenant).int(limit).rows().await?;
        rows.iter().map(read).collect()
    }

    /// Disputes about which the channel has to be told or asked.
    pub(crate) async fn disputes_to_check(
        &mut self,
        tenant: TenantId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Dispute>, StoreError> {
        let question = self.sql(include_str!("sql/dispute/to_check.sql")).text(tenant).time(now).int(limit);
        question.rows().await?.iter().map(read).collect()
    }
}

impl Tx {
    pub(crate) async fn insert_disputes(&mut self, tenant: TenantId, disputes: &[Dispute]) -> Result<(), StoreError> {
        if disputes.is_empty() {
            return Ok(());
        }
        let row = |d: &Dispute| {
            vec![
                Cell::text(d.id),
                Cell::text(tenant),
                Cell::text(d.order),
                Cell::text(d.payment),
                Cell::text(d.refund),
                Cell::text(&d.channel),
                Cell::text(&d.channel_no),
                Cell::text(d.state),
                Cell::text(d.amount.currency()),
                Cell::money(d.amount),
                Cell::text(&d.reason),
                Cell::maybe(d.answer),
                Cell::text(&d.evidence),
                Cell::text(&d.failure),
                Cell::time(d.due_at),
                clock(d.check_at),
                Cell::int(d.checks),
                Cell::int(d.version),
                Cell::time(d.created_at),
                Cell::time(d.updated_at),
            ]
        };
        self.sql_rows(include_str!("sql/dispute/insert.sql"), disputes.iter().map(row).collect()).run().await
    }

    /// Saves disputes, each with the version it was read at.
    pub(crate) async fn save_disputes(
        &mut self,
        tenant: TenantId,
        disputes: &[(&Dispute, i64)],
    ) -> Result<(), StoreError> {
        if disputes.is_empty() {
            return Ok(());
        }
        let row = |(d, was): &(&Dispute, i64)| {
            vec![
                Cell::text(d.id),
                Cell::text(tenant),
                Cell::int(*was),
                Cell::text(d.state),
                Cell::maybe(d.answer),
                Cell::text(&d.evidence),
                Cell::text(&d.failure),
                clock(d.check_at),
                Cell::int(d.checks),
                Cell::int(d.version),
                Cell::time(d.updated_at),
            ]
        };
        let rows = disputes.iter().map(row).collect();
        let saved = self.sql_rows(include_str!("sql/dispute/save.sql"), rows).changes().await?;
        if saved == disputes.len() { Ok(()) } else { Err(self.lost_a_race()) }
    }

    /// [`Tx::claim_payments`] for disputes.
    pub(crate) async fn claim_disputes(
        &mut self,
        tenant: TenantId,
        disputes: &[PutOff<Dispute>],
    ) -> Result<Vec<DisputeId>, StoreError> {
        self.claim(include_str!("sql/dispute/claim.sql"), tenant, disputes).await
    }
}

fn read(row: &Row) -> Result<Dispute, StoreError> {
    let currency = row.word("currency")?;
    Ok(Dispute {
        id: row.id("id")?,
        order: row.id("orders")?,
        payment: row.id("payment")?,
        refund: row.id("refund")?,
        channel: row.text("channel")?,
        channel_no: row.text("channel_no")?,
        amount: row.money("amount", currency)?,
        reason: row.text("reason")?,
        state: row.word("state")?,
        answer: Some(row.text("answer")?).filter(|word| !word.is_empty()).map(|_| row.word("answer")).transpose()?,
        evidence: row.text("evidence")?,
        failure: row.text("failure")?,
        due_at: row.time("due_at")?,
        check_at: read_clock(row, "check_at")?,
        checks: row.count("checks")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

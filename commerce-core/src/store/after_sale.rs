use super::{Cell, Conn, Row, StoreError, Tx};
use crate::after_sale::{Case, CaseId};
use crate::catalog::SkuId;
use crate::inventory::StockId;
use crate::order::{LineId, OrderId};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;

impl Conn {
    /// All cases of these orders, oldest first.
    pub(crate) async fn cases_of(&mut self, tenant: TenantId, orders: &[OrderId]) -> Result<Vec<Case>, StoreError> {
        let wanted: Vec<_> = orders.iter().map(|id| json!({ "id": id })).collect();
        let rows = self.sql(include_str!("sql/after_sale/of_orders.sql")).text(tenant).json(&wanted).rows().await?;
        rows.iter().map(read).collect()
    }

    pub(crate) async fn case(&mut self, tenant: TenantId, id: CaseId) -> Result<Option<Case>, StoreError> {
        let row = self.sql(include_str!("sql/after_sale/find.sql")).text(tenant).text(id).row().await?;
        row.as_ref().map(read).transpose()
    }

    pub(crate) async fn open_cases(&mut self, tenant: TenantId, limit: u32) -> Result<Vec<Case>, StoreError> {
        let rows = self.sql(include_str!("sql/after_sale/open.sql")).text(tenant).int(limit).rows().await?;
        rows.iter().map(read).collect()
    }

    /// What left the warehouses for one line of an order: from which pile, of which SKU, how much.
    pub(crate) async fn shipped(
        &mut self,
        tenant: TenantId,
        order: OrderId,
        line: LineId,
    ) -> Result<Vec<(StockId, SkuId, i64)>, StoreError> {
        let question = self.sql(include_str!("sql/inventory/shipped.sql")).text(tenant).text(order).text(line);
        let rows = question.rows().await?;
        rows.into_iter().map(|row| Ok((row.id("stock")?, row.id("sku")?, row.int("qty")?))).collect()
    }
}

impl Tx {
    pub(crate) async fn insert_cases(&mut self, tenant: TenantId, cases: &[Case]) -> Result<(), StoreError> {
        let row = |c: &Case| {
            vec![
                Cell::text(c.id),
                Cell::text(tenant),
                Cell::text(c.order),
                Cell::maybe(c.line),
                Cell::text(c.kind),
                Cell::int(c.qty),
                Cell::maybe(c.exchange_to),
                Cell::text(c.reason),
                Cell::text(&c.note),
                Cell::text(c.status),
                Cell::text(c.refund_amount.currency()),
                Cell::money(c.refund_amount),
                Cell::text(&c.resolution),
                Cell::time(c.applied_at),
                Cell::time(c.processed_at.unwrap_or(Timestamp::from_micros(0))),
                Cell::time(c.due_at),
                Cell::int(c.version),
            ]
        };
        self.sql_rows(include_str!("sql/after_sale/insert.sql"), cases.iter().map(row).collect()).run().await
    }

    /// Saves a case that was read and counted up; if somebody else changed it meanwhile, this write is undone and tried again.
    pub(crate) async fn save_case(&mut self, tenant: TenantId, case: &Case) -> Result<(), StoreError> {
        let statement = self.sql(include_str!("sql/after_sale/save.sql")).text(case.id).text(tenant);
        let statement = statement.int(case.version).text(case.status).int(case.refund_amount.minor());
        let statement = statement.text(&case.resolution).time(case.processed_at.unwrap_or(Timestamp::from_micros(0)));
        let line = case.line.map_or_else(String::new, |line| line.to_string());
        if statement.text(line).changes().await? == 1 { Ok(()) } else { Err(self.lost_a_race()) }
    }
}

fn read(row: &Row) -> Result<Case, StoreError> {
    let currency = row.word("currency")?;
    Ok(Case {
        id: row.id("id")?,
        order: row.id("orders")?,
        line: row.maybe_id("line")?,
        kind: row.word("kind")?,
        qty: row.count("qty")?,
        exchange_to: row.maybe_id("exchange_to")?,
        reason: row.word("reason")?,
        note: row.text("note")?,
        status: row.word("status")?,
        refund_amount: row.money("refund_amount", currency)?,
        resolution: row.text("resolution")?,
        applied_at: row.time("applied_at")?,
        processed_at: Some(row.time("processed_at")?).filter(|time| time.micros() > 0),
        due_at: row.time("due_at")?,
        version: row.int("version")?,
    })
}

use super::{Cell, Conn, Row, StoreError, Tx};
use crate::ledger::AccountKind;
use crate::money::{Currency, Money};
use crate::reconcile::{Expected, StatementRow, Ticket, TicketId, TicketStatus};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;

/// A span of time of one channel.
pub(crate) struct Window<'a> {
    pub(crate) tenant: TenantId,
    pub(crate) channel: &'a str,
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

/// Which differences; what is empty does not matter.
#[derive(Clone, Debug, Default)]
pub struct TicketSearch {
    pub channel: String,
    pub status: Option<TicketStatus>,
    pub id: Option<TicketId>,
}

/// How much one insert carries.
const ROWS_AT_ONCE: usize = 512;
/// Stands for an amount that is not there.
const ABSENT: i64 = -i64::MAX;

impl Conn {
    /// What our books say the channel did in the window, and what the statement names from outside of it. `due` is not
    /// filled in.
    pub(crate) async fn expected(
        &mut self,
        window: &Window<'_>,
        currency: Currency,
        named: &[&str],
    ) -> Result<Vec<Expected>, StoreError> {
        let deposits = AccountKind::Deposits.own().id(window.tenant, currency);
        let named: Vec<_> = named.iter().map(|no| json!({ "no": no })).collect();
        let question = self.sql(include_str!("sql/reconcile/expected.sql")).text(window.tenant).text(window.channel);
        let rows = question.text(deposits).time(window.from).time(window.to).json(&named).rows().await?;
        rows.into_iter().map(read_expected).collect()
    }

    pub(crate) async fn statement_rows(
        &mut self,
        window: &Window<'_>,
    ) -> Result<Vec<(String, StatementRow)>, StoreError> {
        let question = self.sql(include_str!("sql/reconcile/rows.sql")).text(window.tenant).text(window.channel);
        let rows = question.time(window.from).time(window.to).rows().await?;
        rows.into_iter().map(|row| Ok((row.text("fingerprint")?, read_statement_row(&row)?))).collect()
    }

    pub(crate) async fn tickets(
        &mut self,
        tenant: TenantId,
        search: &TicketSearch,
        limit: u32,
    ) -> Result<Vec<Ticket>, StoreError> {
        let question = self.sql(include_str!("sql/reconcile/differences.sql")).text(tenant).text(&search.channel);
        let question = question.text(search.status.map_or_else(String::new, |status| status.to_string()));
        let rows = question.text(search.id.map_or_else(String::new, |id| id.to_string())).int(limit).rows().await?;
        rows.into_iter().map(read_ticket).collect()
    }
}

impl Tx {
    /// Keeps rows of a statement; says how many are new.
    pub(crate) async fn keep_statement_rows(
        &mut self,
        tenant: TenantId,
        channel: &str,
        rows: &[(&String, &StatementRow)],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let row = |(fingerprint, r): &(&String, &StatementRow)| {
            vec![
                Cell::text(tenant),
                Cell::text(channel),
                Cell::text(fingerprint),
                Cell::text(r.kind),
                Cell::text(&r.our_no),
                Cell::text(&r.channel_no),
                Cell::text(&r.reference),
                Cell::text(r.amount.currency()),
                Cell::money(r.amount),
                Cell::money(r.fee),
                Cell::time(r.at),
                Cell::time(now),
            ]
        };
        let mut new = 0;
        for some in rows.chunks(ROWS_AT_ONCE) {
            let rows = some.iter().map(row).collect();
            new += self.sql_rows(include_str!("sql/reconcile/insert_rows.sql"), rows).changes().await?;
        }
        Ok(new)
    }

    /// Opens tickets; says how many were not known before.
    pub(crate) async fn open_tickets(&mut self, tenant: TenantId, tickets: &[Ticket]) -> Result<usize, StoreError> {
        let amount = |amount: Option<Money>| Cell::int(amount.map_or(ABSENT, Money::minor));
        let row = |t: &Ticket| {
            let currency = t.expected_amount.or(t.actual_amount).map_or(Currency::CNY, Money::currency);
            vec![
                Cell::text(t.id),
                Cell::text(tenant),
                Cell::text(&t.channel),
                Cell::text(&t.key),
                Cell::text(&t.day),
                Cell::text(t.reason),
                Cell::text(t.kind),
                Cell::text(currency),
                amount(t.expected_amount),
                amount(t.actual_amount),
                Cell::json(&t.ours),
                Cell::json(&t.theirs),
                Cell::time(t.due_at),
                Cell::time(t.created_at),
            ]
        };
        let mut new = 0;
        for some in tickets.chunks(ROWS_AT_ONCE) {
            let rows = some.iter().map(row).collect();
            new += self.sql_rows(include_str!("sql/reconcile/insert_differences.sql"), rows).changes().await?;
        }
        Ok(new)
    }

    /// Saves a ticket as it was read; if somebody else changed it meanwhile, this write is undone and tried again.
    pub(crate) async fn save_ticket(&mut self, tenant: TenantId, ticket: &Ticket) -> Result<(), StoreError> {
        let statement = self.sql(include_str!("sql/reconcile/save_difference.sql")).text(ticket.id).text(tenant);
        let statement = statement.int(ticket.version).text(&ticket.assigned_to).text(ticket.status);
        let saved = statement.text(&ticket.resolution).text(&ticket.note).time(ticket.updated_at).changes().await?;
        if saved == 1 { Ok(()) } else { Err(self.lost_a_race()) }
    }
}

fn read_expected(row: Row) -> Result<Expected, StoreError> {
    let currency = row.word("currency")?;
    Ok(Expected {
        id: row.text("id")?,
        kind: row.word("kind")?,
        channel_no: row.text("channel_no")?,
        reference: String::new(),
        amount: row.money("amount", currency)?,
        fee: row.money("fee", currency)?,
        at: row.time("at")?,
        due: row.time("at")?,
    })
}

fn read_statement_row(row: &Row) -> Result<StatementRow, StoreError> {
    let currency = row.word("currency")?;
    Ok(StatementRow {
        line: 0,
        kind: row.word("kind")?,
        our_no: row.text("our_no")?,
        channel_no: row.text("channel_no")?,
        reference: row.text("reference")?,
        amount: row.money("amount", currency)?,
        fee: row.money("fee", currency)?,
        at: row.time("at")?,
    })
}

fn read_ticket(row: Row) -> Result<Ticket, StoreError> {
    let currency: Currency = row.word("currency")?;
    let amount = |column| Ok::<_, StoreError>(row.maybe_int(column)?.map(|minor| Money::from_minor(minor, currency)));
    Ok(Ticket {
        id: row.id("id")?,
        channel: row.text("channel")?,
        key: row.text("key")?,
        day: row.text("day")?,
        reason: row.word("reason")?,
        kind: row.word("kind")?,
        expected_amount: amount("expected_amount")?,
        actual_amount: amount("actual_amount")?,
        ours: row.json("ours")?,
        theirs: row.json("theirs")?,
        assigned_to: row.text("assigned_to")?,
        status: row.word("status")?,
        resolution: row.text("resolution")?,
        note: row.text("note")?,
        due_at: row.time("due_at")?,
        version: row.int("version")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

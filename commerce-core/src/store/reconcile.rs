use super::{Cell, Conn, Row, StoreError, Tx};
use crate::ledger::{Account, AccountKind};
use crate::money::{Currency, Money};
use crate::reconcile::{Expected, StatementRow, Ticket, TicketId, TicketStatus};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;
use std::collections::HashSet;

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
}

/// How much one insert carries.
const ROWS_AT_ONCE: usize = 512;
/// Stands for an amount that is not there.
const ABSENT: i64 = -i64::MAX;

impl Conn {
    /// What our books say the channel did in the window, and what rows name from outside of it. `due` is not filled in.
    pub(crate) async fn expected(
        &mut self,
        window: &Window<'_>,
        currency: Currency,
        named_by: impl Iterator<Item = &StatementRow>,
    ) -> Result<Vec<Expected>, StoreError> {
        let account = |account: Account| account.id(window.tenant, currency);
        let numbers: Vec<_> = named_by.map(|row| numbers(&row.our_no, &row.channel_no)).collect();
        let question = self.sql(include_str!("sql/reconcile/expected.sql")).text(window.tenant).text(window.channel);
        let question = question.text(account(AccountKind::Deposits.own()));
        let question = question.text(account(AccountKind::Clearing.of(window.channel)));
        let rows = question.time(window.from).time(window.to).json(&numbers).rows().await?;
        rows.into_iter().map(read_expected).collect()
    }

    /// When the channel did what an earlier statement has as its last before `time`.
    pub(crate) async fn listed_before(
        &mut self,
        tenant: TenantId,
        channel: &str,
        time: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        let question = self.sql(include_str!("sql/reconcile/listed_before.sql")).text(tenant).text(channel);
        let Some(row) = question.time(time).row().await? else { return Ok(None) };
        Ok(row.maybe_int("at")?.map(Timestamp::from_micros))
    }

    pub(crate) async fn statement_rows(
        &mut self,
        window: &Window<'_>,
    ) -> Result<Vec<(String, StatementRow)>, StoreError> {
        let question = self.sql(include_str!("sql/reconcile/rows.sql")).text(window.tenant).text(window.channel);
        let rows = question.time(window.from).time(window.to).rows().await?;
        rows.iter().map(read_statement_row).collect()
    }

    /// Rows from outside of the window that name what is expected.
    pub(crate) async fn rows_naming(
        &mut self,
        window: &Window<'_>,
        expected: &[Expected],
    ) -> Result<Vec<(String, StatementRow)>, StoreError> {
        let numbers: Vec<_> = expected.iter().map(|one| numbers(&one.id, &one.channel_no)).collect();
        let question = self.sql(include_str!("sql/reconcile/rows_naming.sql")).text(window.tenant);
        let question = question.text(window.channel).time(window.from).time(window.to);
        question.json(&numbers).rows().await?.iter().map(read_statement_row).collect()
    }

    pub(crate) async fn tickets(
        &mut self,
        tenant: TenantId,
        search: &TicketSearch,
        limit: u32,
    ) -> Result<Vec<Ticket>, StoreError> {
        let question = self.sql(include_str!("sql/reconcile/differences.sql")).text(tenant).text(&search.channel);
        let question = question.text(search.status.map_or_else(String::new, |status| status.to_string()));
        question.int(limit).rows().await?.into_iter().map(read_ticket).collect()
    }

    pub(crate) async fn ticket(&mut self, tenant: TenantId, id: TicketId) -> Result<Option<Ticket>, StoreError> {
        let row = self.sql(include_str!("sql/reconcile/find.sql")).text(tenant).text(id).row().await?;
        row.map(read_ticket).transpose()
    }

    /// Tickets that a statement may settle.
    pub(crate) async fn unsettled_tickets(
        &mut self,
        tenant: TenantId,
        channel: &str,
    ) -> Result<Vec<Ticket>, StoreError> {
        let rows = self.sql(include_str!("sql/reconcile/unsettled.sql")).text(tenant).text(channel).rows().await?;
        rows.into_iter().map(read_ticket).collect()
    }
}

fn numbers(our_no: &str, channel_no: &str) -> serde_json::Value {
    json!({ "our_no": our_no, "channel_no": channel_no })
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

    /// Opens tickets, and lets those that are open follow their difference; says how many were not known before.
    pub(crate) async fn open_tickets(&mut self, tenant: TenantId, tickets: &[Ticket]) -> Result<usize, StoreError> {
        let amount = |amount: Option<Money>| Cell::int(amount.map_or(ABSENT, Money::minor));
        let row = |t: &Ticket| {
            vec![
                Cell::text(t.id),
                Cell::text(tenant),
                Cell::text(&t.channel),
                Cell::text(&t.key),
                Cell::text(&t.day),
                Cell::text(t.reason),
                Cell::text(t.kind),
                Cell::text(t.expected_fee.currency()),
                amount(t.expected_amount),
                Cell::money(t.expected_fee),
                Cell::text(t.actual_fee.currency()),
                amount(t.actual_amount),
                Cell::money(t.actual_fee),
                Cell::json(&t.ours),
                Cell::json(&t.theirs),
                Cell::time(t.due_at),
                Cell::time(t.created_at),
            ]
        };
        let mut new = 0;
        for some in tickets.chunks(ROWS_AT_ONCE) {
            let rows = some.iter().map(row).collect();
            for row in self.sql_rows(include_str!("sql/reconcile/open.sql"), rows).rows().await? {
                new += usize::from(row.int("version")? == 1);
            }
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

    /// Closes tickets with the resolution they have now; says which, for one that somebody else has changed is left alone.
    pub(crate) async fn close_tickets(
        &mut self,
        tenant: TenantId,
        tickets: &[Ticket],
        now: Timestamp,
    ) -> Result<HashSet<TicketId>, StoreError> {
        let row = |t: &Ticket| {
            vec![Cell::text(t.id), Cell::text(tenant), Cell::int(t.version), Cell::text(&t.resolution), Cell::time(now)]
        };
        let rows = tickets.iter().map(row).collect();
        let closed = self.sql_rows(include_str!("sql/reconcile/close.sql"), rows).rows().await?;
        closed.into_iter().map(|row| row.id("id")).collect()
    }
}

fn read_expected(row: Row) -> Result<Expected, StoreError> {
    let currency = row.word("currency")?;
    Ok(Expected {
        id: row.text("id")?,
        kind: row.word("kind")?,
        channel_no: row.text("channel_no")?,
        amount: row.money("amount", currency)?,
        fee: row.money("fee", currency)?,
        at: row.time("at")?,
        due: row.time("at")?,
    })
}

/// With its fingerprint.
fn read_statement_row(row: &Row) -> Result<(String, StatementRow), StoreError> {
    let currency = row.word("currency")?;
    let content = StatementRow {
        line: 0,
        kind: row.word("kind")?,
        our_no: row.text("our_no")?,
        channel_no: row.text("channel_no")?,
        reference: row.text("reference")?,
        amount: row.money("amount", currency)?,
        fee: row.money("fee", currency)?,
        at: row.time("at")?,
    };
    Ok((row.text("fingerprint")?, content))
}

fn read_ticket(row: Row) -> Result<Ticket, StoreError> {
    let ours: Currency = row.word("currency")?;
    let theirs = if row.text("actual_currency")?.is_empty() { ours } else { row.word("actual_currency")? };
    let amount =
        |column, currency| Ok::<_, StoreError>(row.maybe_int(column)?.map(|minor| Money::from_minor(minor, currency)));
    Ok(Ticket {
        id: row.id("id")?,
        channel: row.text("channel")?,
        key: row.text("key")?,
        day: row.text("day")?,
        reason: row.word("reason")?,
        kind: row.word("kind")?,
        expected_amount: amount("expected_amount", ours)?,
        expected_fee: row.money("expected_fee", ours)?,
        actual_amount: amount("actual_amount", theirs)?,
        actual_fee: row.money("actual_fee", theirs)?,
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

//! Reconciliation: statements come in, are matched with our books, and what differs becomes a ticket. Importing the same
//! statement again changes nothing: the window around it is matched anew, and every difference has its key.

use super::{Desk, Shop};
use crate::caller::Caller;
use crate::event::Event;
use crate::id::Id;
use crate::ledger::{AccountKind, Purpose, Transfer};
use crate::money::{Currency, Money};
use crate::reconcile::{
    self, Difference, Expected, Mismatch, Outcome, ReconcileError, Resolution, RowKind, StatementFormat, StatementRow,
    Ticket, TicketId, TicketStatus,
};
use crate::store::{Conn, StoreError, TicketSearch, Tx, Window};
use crate::time::{DAY, HOUR, Timestamp};
use serde_json::json;
use std::collections::HashSet;

/// What a statement brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    pub rows: usize,
    /// Rows that were not imported before.
    pub new_rows: usize,
    pub matched: usize,
    /// Of ours, not in any statement, and not due yet.
    pub awaited: usize,
    pub differences: usize,
    /// Differences that were not known before.
    pub opened: usize,
    /// Tickets that this statement settled.
    pub cleared: usize,
}

/// A statement and our books may put the same thing on neighbouring days.
const MARGIN: i64 = 2 * DAY;
/// Until then a channel may still list what it did.
const LISTED_WITHIN: i64 = 36 * HOUR;
const SETTLED_WITHIN: i64 = 24 * HOUR;
const MOST_TICKETS: u32 = 100_000;
const ROWS_AT_ONCE: usize = 2_048;

impl Shop {
    /// Fetches the statement of a day (`20261121`) from the channel and reconciles it.
    pub async fn fetch_statement(
        &self,
        caller: &Caller,
        channel: &str,
        day: &str,
        format: &StatementFormat,
    ) -> Result<Reconciled, ReconcileError> {
        caller.acts_for_the_shop()?;
        let bytes = {
            let channel = self.desk.channels.find(caller.tenant, channel)?;
            channel.statement(day).await.map_err(crate::payment::PaymentError::from)?
        };
        self.import_statement(caller, channel, &bytes, format).await
    }

    /// Reconciles a channel's statement.
    pub async fn import_statement(
        &self,
        caller: &Caller,
        channel: &str,
        bytes: &[u8],
        format: &StatementFormat,
    ) -> Result<Reconciled, ReconcileError> {
        caller.acts_for_the_shop()?;
        let rows = reconcile::read_statement(bytes, format)?;
        let marks = reconcile::fingerprints(&rows);
        let imported: Vec<(String, StatementRow)> = marks.into_iter().zip(rows).collect();
        let Some((first, last)) = span(&imported) else { return Ok(Reconciled::default()) };
        let (from, to) = (first.plus_micros(-MARGIN), last.plus_micros(MARGIN));
        let window = Window { tenant: caller.tenant, channel, from, to };
        let now = self.now();
        let books = Books::read(&mut self.desk.store.report().await?, &window, imported).await?;
        let outcome = reconcile::reconcile(&books.expected, &books.rows, now);
        // Rows first, some at a time, so that nobody waits long. Should it end half way, the next import goes on from there.
        let mut new_rows = 0;
        for some in books.new_rows().chunks(ROWS_AT_ONCE) {
            new_rows += self.keep_rows(caller, channel, some, now).await?;
        }
        let (opened, cleared) = self.settle_tickets(caller, channel, &books, &outcome, now).await?;
        let reconciled = Reconciled {
            rows: books.imported,
            new_rows,
            matched: outcome.matches.len(),
            awaited: outcome.awaited.len(),
            differences: outcome.differences.len(),
            opened,
            cleared,
        };
        Ok(reconciled)
    }

    async fn keep_rows(
        &self,
        caller: &Caller,
        channel: &str,
        rows: &[(&String, &StatementRow)],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        self.desk
            .store
            .write(move |mut tx| async move {
                let new = tx.keep_statement_rows(caller.tenant, channel, rows, now).await?;
                tx.keep(new).await
            })
            .await
    }

    /// Opens the tickets that are new and closes those whose matter is settled; says how many of each.
    async fn settle_tickets(
        &self,
        caller: &Caller,
        channel: &str,
        books: &Books,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(usize, usize), StoreError> {
        let desk = &*self.desk;
        let tickets = &books.tickets(desk, channel, outcome, now);
        desk.store
            .write(move |mut tx| async move {
                let opened = tx.open_tickets(caller.tenant, tickets).await?;
                let cleared = clear(&mut tx, caller, channel, books, outcome, now).await?;
                if opened + cleared > 0 {
                    let payload = json!({
                        "channel": channel, "matched": outcome.matches.len(), "opened": opened, "cleared": cleared,
                    });
                    let event = Event::new(desk.id(now), "Statement.Reconciled", channel, caller, now, payload);
                    tx.record(caller.tenant, &[event]).await?;
                }
                tx.keep((opened, cleared)).await
            })
            .await
    }

    /// The differences, those due first first.
    pub async fn differences(&self, caller: &Caller, search: &TicketSearch) -> Result<Vec<Ticket>, ReconcileError> {
        caller.acts_for_the_shop()?;
        Ok(self.desk.store.report().await?.tickets(caller.tenant, search, MOST_TICKETS).await?)
    }

    /// Gives a difference to somebody to work on.
    pub async fn assign_difference(&self, caller: &Caller, id: TicketId, to: &str) -> Result<Ticket, ReconcileError> {
        self.work_on(caller, id, move |ticket| {
            to.clone_into(&mut ticket.assigned_to);
            ticket.status = TicketStatus::InProgress;
            Ok(None)
        })
        .await
    }

    /// Settles a difference; where the channel is right, what is missing or too much is booked in the same commit.
    pub async fn resolve_difference(
        &self,
        caller: &Caller,
        id: TicketId,
        resolution: Resolution,
        note: &str,
    ) -> Result<Ticket, ReconcileError> {
        let now = self.now();
        self.work_on(caller, id, move |ticket| {
            ticket.status = TicketStatus::Resolved;
            ticket.resolution = resolution.to_string();
            ticket.note = note.chars().take(500).collect();
            if resolution == Resolution::BookTheirs { Ok(Some(correcting(ticket, now)?)) } else { Ok(None) }
        })
        .await
    }

    async fn work_on(
        &self,
        caller: &Caller,
        id: TicketId,
        work: impl Fn(&mut Ticket) -> Result<Option<Transfer>, ReconcileError>,
    ) -> Result<Ticket, ReconcileError> {
        caller.acts_for_the_shop()?;
        let desk = &*self.desk;
        let work = &work;
        desk.store
            .write(move |mut tx| async move {
                let search = TicketSearch { id: Some(id), ..TicketSearch::default() };
                let found = tx.tickets(caller.tenant, &search, 1).await?.pop();
                let mut ticket = found
                    .filter(|ticket| ticket.status != TicketStatus::Resolved)
                    .ok_or(ReconcileError::UnknownDifference)?;
                let correction = work(&mut ticket)?;
                ticket.updated_at = desk.now();
                tx.book(caller.tenant, &Vec::from_iter(correction)).await?;
                tx.save_ticket(caller.tenant, &ticket).await?;
                Ok(tx.keep(Ticket { version: ticket.version + 1, ..ticket }).await?)
            })
            .await
    }
}

fn span(rows: &[(String, StatementRow)]) -> Option<(Timestamp, Timestamp)> {
    let times = || rows.iter().map(|(_, row)| row.at);
    times().min().zip(times().max())
}

/// What is matched: our side and the channel's, in one window.
struct Books {
    expected: Vec<Expected>,
    rows: Vec<StatementRow>,
    marks: Vec<String>,
    /// How many of the rows were imported before; they come first.
    known: usize,
    /// How many rows the statement has.
    imported: usize,
}

impl Books {
    async fn read(
        conn: &mut Conn,
        window: &Window<'_>,
        imported: Vec<(String, StatementRow)>,
    ) -> Result<Self, StoreError> {
        let named: Vec<&str> = imported.iter().map(|(_, row)| row.our_no.as_str()).collect();
        let currency = conn.tenant(window.tenant).await?.map_or(Currency::CNY, |tenant| tenant.currency);
        let mut expected = conn.expected(window, currency, &named).await?;
        // In one order, whatever the database's: the same books give the same outcome.
        expected.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        for one in &mut expected {
            one.due = one.at.plus_micros(LISTED_WITHIN);
        }
        let (mut marks, mut rows): (Vec<String>, Vec<StatementRow>) =
            conn.statement_rows(window).await?.into_iter().unzip();
        let (known, count) = (rows.len(), imported.len());
        let old: HashSet<String> = marks.iter().cloned().collect();
        for (mark, row) in imported {
            if !old.contains(&mark) {
                marks.push(mark);
                rows.push(row);
            }
        }
        Ok(Self { expected, rows, marks, known, imported: count })
    }

    fn new_rows(&self) -> Vec<(&String, &StatementRow)> {
        self.marks.iter().zip(&self.rows).skip(self.known).collect()
    }

    fn tickets(&self, desk: &Desk, channel: &str, outcome: &Outcome, now: Timestamp) -> Vec<Ticket> {
        let ticket = |difference: &Difference| {
            let ours: Vec<&Expected> = difference.expected.iter().map(|&i| &self.expected[i]).collect();
            let theirs: Vec<&StatementRow> = difference.rows.iter().map(|&i| &self.rows[i]).collect();
            let at = ours.first().map(|one| one.at).or(theirs.first().map(|row| row.at)).unwrap_or(now);
            let kind = ours.first().map(|one| one.kind).or(theirs.first().map(|row| row.kind));
            Ticket {
                id: desk.id(now),
                channel: channel.to_owned(),
                key: difference.key.clone(),
                day: at.day(0),
                reason: difference.reason,
                kind: kind.unwrap_or(RowKind::Adjustment),
                expected_amount: difference.expected_amount,
                actual_amount: difference.actual_amount,
                ours: ours.iter().map(|one| one.id.clone()).collect(),
                theirs: difference.rows.iter().map(|&i| self.marks[i].clone()).collect(),
                assigned_to: String::new(),
                status: TicketStatus::Open,
                resolution: String::new(),
                note: String::new(),
                due_at: now.plus_micros(SETTLED_WITHIN),
                version: 1,
                created_at: now,
                updated_at: now,
            }
        };
        outcome.differences.iter().map(ticket).collect()
    }
}

/// Closes the open tickets about what has found its match now.
async fn clear(
    tx: &mut Tx,
    caller: &Caller,
    channel: &str,
    books: &Books,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let ours: HashSet<&String> =
        outcome.matches.iter().flat_map(|m| &m.expected).map(|&i| &books.expected[i].id).collect();
    let theirs: HashSet<&String> = outcome.matches.iter().flat_map(|m| &m.rows).map(|&i| &books.marks[i]).collect();
    let still_there: HashSet<&String> = outcome.differences.iter().map(|difference| &difference.key).collect();
    let mut cleared = 0;
    for status in [TicketStatus::Open, TicketStatus::InProgress] {
        let search = TicketSearch { channel: channel.to_owned(), status: Some(status), id: None };
        for mut ticket in tx.tickets(caller.tenant, &search, MOST_TICKETS).await? {
            let is_matched = ticket.ours.iter().all(|id| ours.contains(id))
                && ticket.theirs.iter().all(|mark| theirs.contains(mark));
            if !is_matched || still_there.contains(&ticket.key) {
                continue;
            }
            ticket.status = TicketStatus::Resolved;
            ticket.resolution = Resolution::Cleared.to_string();
            ticket.updated_at = now;
            tx.save_ticket(caller.tenant, &ticket).await?;
            cleared += 1;
        }
    }
    Ok(cleared)
}

/// The transfer that brings our clearing account to what the channel says.
fn correcting(ticket: &Ticket, now: Timestamp) -> Result<Transfer, ReconcileError> {
    let correction = ticket.correction()?;
    let clearing = AccountKind::Clearing.of(&ticket.channel);
    let other = if ticket.reason == Mismatch::Fee { AccountKind::Fees } else { AccountKind::Differences }.own();
    let amount = Money::from_minor(correction.minor().saturating_abs(), correction.currency());
    let (debit, credit) = if correction.is_negative() { (other, clearing) } else { (clearing, other) };
    let transfer = Transfer::single(Id::following(ticket.id, "resolve"), debit, credit, amount, Purpose::Difference);
    Ok(transfer.about(ticket.id, now))
}

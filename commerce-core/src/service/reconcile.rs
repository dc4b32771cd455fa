//! Reconciliation: statements come in, are matched with our books, and what differs becomes a ticket. Importing the same
//! statement again changes nothing: the window around it is matched anew, together with what names each other across its
//! edges, and every difference has its key.

use super::{Desk, Shop};
use crate::caller::Caller;
use crate::event::{Event, EventName};
use crate::id::Id;
use crate::ledger::{AccountKind, Purpose, Transfer};
use crate::money::{Currency, Money};
use crate::permission::Permission;
use crate::reconcile::{
    self, Difference, Expected, Outcome, ReconcileError, Resolution, RowKind, StatementFormat, StatementRow, Ticket,
    TicketId, TicketStatus,
};
use crate::store::{Conn, StoreError, TicketSearch, Window};
use crate::time::{DAY, HOUR, Timestamp};
use serde_json::json;
use std::collections::{HashMap, HashSet};

/// What a statement brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    pub rows: usize,
    /// Rows that were not imported before.
    pub new_rows: usize,
    pub matched: usize,
    /// Of ours, not in any statement, and not due yet or beyond what the statements tell of.
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
/// When something is due that the statements do not reach to.
const NOT_YET: Timestamp = Timestamp::from_micros(i64::MAX);
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
        caller.may(Permission::Reconcile)?;
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
        caller.may(Permission::Reconcile)?;
        let rows = reconcile::read_statement(bytes, format)?;
        let marks = reconcile::fingerprints(&rows);
        let imported: Vec<(String, StatementRow)> = marks.into_iter().zip(rows).collect();
        let now = self.now();
        let mut conn = self.desk.store.report().await?;
        let Some(window) = window_around(&mut conn, caller, channel, &imported).await? else {
            return Ok(Reconciled::default());
        };
        let books = Books::read(&mut conn, &window, imported).await?;
        drop(conn);
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

    /// Opens the tickets that are new and closes those whose matter is settled, some at a time as well; says how many of each.
    async fn settle_tickets(
        &self,
        caller: &Caller,
        channel: &str,
        books: &Books,
        outcome: &Outcome,
        now: Timestamp,
    ) -> Result<(usize, usize), ReconcileError> {
        let desk = &*self.desk;
        let (mut opened, mut cleared) = (0, 0);
        for some in books.tickets(desk, channel, outcome, now).chunks(ROWS_AT_ONCE) {
            let open = desk.store.write(move |mut tx| async move {
                let new = tx.open_tickets(caller.tenant, some).await?;
                tx.keep(new).await
            });
            opened += open.await?;
        }
        let unsettled = desk.store.report().await?.unsettled_tickets(caller.tenant, channel).await?;
        for some in books.settled(outcome, unsettled).chunks(ROWS_AT_ONCE) {
            cleared += self.close_tickets(caller, some, now).await?;
        }
        if opened + cleared > 0 {
            let payload =
                json!({ "channel": channel, "matched": outcome.matches.len(), "opened": opened, "cleared": cleared });
            let event = &Event::new(desk.id(now), EventName::StatementReconciled, channel, caller, now, payload);
            let record = desk.store.write(move |mut tx| async move {
                tx.record(caller.tenant, std::slice::from_ref(event)).await?;
                tx.keep(()).await
            });
            record.await?;
        }
        Ok((opened, cleared))
    }

    /// Closes tickets with the resolution they have now; what was booked for one that is undone is booked back.
    async fn close_tickets(
        &self,
        caller: &Caller,
        tickets: &[Ticket],
        now: Timestamp,
    ) -> Result<usize, ReconcileError> {
        let close = self.desk.store.write(move |mut tx| async move {
            let closed = tx.close_tickets(caller.tenant, tickets, now).await?;
            let undone = Resolution::Undone.to_string();
            let undone = tickets.iter().filter(|ticket| ticket.resolution == undone && closed.contains(&ticket.id));
            let back: Vec<Vec<Transfer>> = undone.map(|ticket| undoing(ticket, now)).collect::<Result<_, _>>()?;
            tx.book(caller.tenant, &back.concat()).await?;
            Ok(tx.keep(closed.len()).await?)
        });
        close.await
    }

    /// The differences, those due first first.
    pub async fn differences(&self, caller: &Caller, search: &TicketSearch) -> Result<Vec<Ticket>, ReconcileError> {
        caller.may(Permission::ReadLedger)?;
        Ok(self.desk.store.report().await?.tickets(caller.tenant, search, MOST_TICKETS).await?)
    }

    /// Gives a difference to somebody to work on.
    pub async fn assign_difference(&self, caller: &Caller, id: TicketId, to: &str) -> Result<Ticket, ReconcileError> {
        self.work_on(caller, id, move |ticket| {
            to.clone_into(&mut ticket.assigned_to);
            ticket.status = TicketStatus::InProgress;
            Ok(Vec::new())
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
            if resolution == Resolution::BookTheirs { correcting(ticket, now) } else { Ok(Vec::new()) }
        })
        .await
    }

    async fn work_on(
        &self,
        caller: &Caller,
        id: TicketId,
        work: impl Fn(&mut Ticket) -> Result<Vec<Transfer>, ReconcileError>,
    ) -> Result<Ticket, ReconcileError> {
        caller.may(Permission::Reconcile)?;
        let desk = &*self.desk;
        let work = &work;
        desk.store
            .write(move |mut tx| async move {
                let found = tx.ticket(caller.tenant, id).await?;
                let mut ticket = found
                    .filter(|ticket| ticket.status != TicketStatus::Resolved)
                    .ok_or(ReconcileError::UnknownDifference)?;
                let corrections = work(&mut ticket)?;
                ticket.updated_at = desk.now();
                tx.book(caller.tenant, &corrections).await?;
                tx.save_ticket(caller.tenant, &ticket).await?;
                Ok(tx.keep(Ticket { version: ticket.version + 1, ..ticket }).await?)
            })
            .await
    }
}

/// The time around a statement, back to what the one before it had last; nothing where it has no rows.
async fn window_around<'a>(
    conn: &mut Conn,
    caller: &Caller,
    channel: &'a str,
    imported: &[(String, StatementRow)],
) -> Result<Option<Window<'a>>, StoreError> {
    let Some((first, last)) = span(imported.iter().map(|(_, row)| row)) else { return Ok(None) };
    let before = conn.listed_before(caller.tenant, channel, first).await?;
    let from = before.unwrap_or(first).min(first.plus_micros(-MARGIN));
    Ok(Some(Window { tenant: caller.tenant, channel, from, to: last.plus_micros(MARGIN) }))
}

fn span<'a>(rows: impl Iterator<Item = &'a StatementRow> + Clone) -> Option<(Timestamp, Timestamp)> {
    let times = rows.map(|row| row.at);
    times.clone().min().zip(times.max())
}

/// What is matched: our side and the channel's, in one window, and what names each other from outside of it.
struct Books {
    expected: Vec<Expected>,
    rows: Vec<StatementRow>,
    marks: Vec<String>,
    /// The marks of the rows that were not imported before.
    new: HashSet<String>,
    /// How many rows the statement has.
    imported: usize,
    utc_offset_minutes: i32,
}

impl Books {
    async fn read(
        conn: &mut Conn,
        window: &Window<'_>,
        imported: Vec<(String, StatementRow)>,
    ) -> Result<Self, StoreError> {
        let (currency, utc_offset_minutes) = conn
            .tenant(window.tenant)
            .await?
            .map_or((Currency::CNY, 0), |tenant| (tenant.currency, tenant.settings.utc_offset_minutes));
        let count = imported.len();
        let mut rows: HashMap<String, StatementRow> = conn.statement_rows(window).await?.into_iter().collect();
        let fresh: Vec<(String, StatementRow)> =
            imported.into_iter().filter(|(mark, _)| !rows.contains_key(mark)).collect();
        let new = fresh.iter().map(|(mark, _)| mark.clone()).collect();
        rows.extend(fresh);
        let told = span(rows.values());
        // We book later than the channel does it, so an edge may lie between the two: each brings the other along, until
        // nothing more is named.
        let mut expected = loop {
            let known = rows.len();
            let expected = conn.expected(window, currency, rows.values()).await?;
            rows.extend(conn.rows_naming(window, &expected).await?);
            if rows.len() == known {
                break expected;
            }
        };
        for one in &mut expected {
            let is_told = told.is_some_and(|(first, last)| first <= one.at && one.at <= last);
            one.due = if is_told { one.at.plus_micros(LISTED_WITHIN) } else { NOT_YET };
        }
        // In one order, whatever the database's and the file's: the same books give the same outcome.
        expected.sort_by(|a, b| (a.at, &a.id).cmp(&(b.at, &b.id)));
        let mut rows: Vec<(String, StatementRow)> = rows.into_iter().collect();
        rows.sort_unstable_by(|a, b| (a.1.at, &a.0).cmp(&(b.1.at, &b.0)));
        let (marks, rows) = rows.into_iter().unzip();
        Ok(Self { expected, rows, marks, new, imported: count, utc_offset_minutes })
    }

    fn new_rows(&self) -> Vec<(&String, &StatementRow)> {
        self.marks.iter().zip(&self.rows).filter(|(mark, _)| self.new.contains(*mark)).collect()
    }

    fn tickets(&self, desk: &Desk, channel: &str, outcome: &Outcome, now: Timestamp) -> Vec<Ticket> {
        let ticket = |difference: &Difference| {
            let ours: Vec<&Expected> = difference.expected.iter().map(|&i| &self.expected[i]).collect();
            let theirs: Vec<&StatementRow> = difference.rows.iter().map(|&i| &self.rows[i]).collect();
            let at = ours.first().map(|one| one.at).or(theirs.first().map(|row| row.at)).unwrap_or(now);
            let kind = ours.first().map(|one| one.kind).or(theirs.first().map(|row| row.kind));
            let (expected_fee, actual_fee) = (difference.expected_fee, difference.actual_fee);
            let no_fee = Money::zero(expected_fee.or(actual_fee).map_or(Currency::CNY, Money::currency));
            Ticket {
                id: desk.id(now),
                channel: channel.to_owned(),
                key: difference.key.clone(),
                day: at.day(self.utc_offset_minutes),
                reason: difference.reason,
                kind: kind.unwrap_or(RowKind::Adjustment),
                expected_amount: difference.expected_amount,
                actual_amount: difference.actual_amount,
                expected_fee: expected_fee.unwrap_or(no_fee),
                actual_fee: actual_fee.unwrap_or(no_fee),
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

    /// Those of the tickets whose difference is no longer found although everything it is about has its place now, with what
    /// became of them.
    fn settled(&self, outcome: &Outcome, tickets: Vec<Ticket>) -> Vec<Ticket> {
        let found: HashSet<&String> = outcome.differences.iter().map(|difference| &difference.key).collect();
        let matched = outcome.matches.iter().map(|m| (&m.expected, &m.rows));
        let differing = outcome.differences.iter().map(|difference| (&difference.expected, &difference.rows));
        let (matched, differing) = (self.things(matched), self.things(differing));
        let mut settled = tickets;
        settled.retain_mut(|ticket| {
            let mut things = ticket.ours.iter().chain(&ticket.theirs);
            let is_matched = things.clone().all(|thing| matched.contains(thing));
            let resolution = match ticket.status {
                TicketStatus::Resolved => Resolution::Undone,
                _ if is_matched => Resolution::Cleared,
                _ => Resolution::Superseded,
            };
            let is_settled = !found.contains(&ticket.key)
                && things.all(|thing| matched.contains(thing) || differing.contains(thing));
            ticket.resolution = resolution.to_string();
            is_settled
        });
        settled
    }

    /// Our ids and the marks of the rows.
    fn things<'a>(&'a self, places: impl Iterator<Item = (&'a Vec<usize>, &'a Vec<usize>)>) -> HashSet<&'a String> {
        let things = places.flat_map(|(expected, rows)| {
            let ours = expected.iter().map(|&i| &self.expected[i].id);
            ours.chain(rows.iter().map(|&i| &self.marks[i]))
        });
        things.collect()
    }
}

/// The transfers that bring our clearing account to what the channel says.
fn correcting(ticket: &Ticket, now: Timestamp) -> Result<Vec<Transfer>, ReconcileError> {
    let [amount, fee] = ticket.correction()?;
    let [differences, fees] = [AccountKind::Differences.own(), AccountKind::Fees.own()];
    let mut transfers = Vec::new();
    for (step, change, other) in [("resolve", amount, differences), ("resolve-fee", fee, fees)] {
        let clearing = AccountKind::Clearing.of(&ticket.channel);
        let (debit, credit) = if change.is_negative() { (other, clearing) } else { (clearing, other) };
        let change = if change.is_negative() { change.negate()? } else { change };
        if !change.is_zero() {
            let transfer = Transfer::single(Id::following(ticket.id, step), debit, credit, change, Purpose::Difference);
            transfers.push(transfer.about(ticket.id, now));
        }
    }
    if transfers.is_empty() { Err(ReconcileError::NothingToBook) } else { Ok(transfers) }
}

/// The same the other way round.
fn undoing(ticket: &Ticket, now: Timestamp) -> Result<Vec<Transfer>, ReconcileError> {
    let mut transfers = correcting(ticket, now)?;
    for (transfer, step) in transfers.iter_mut().zip(["undo", "undo-fee"]) {
        transfer.id = Id::following(ticket.id, step);
        std::mem::swap(&mut transfer.debit, &mut transfer.credit);
    }
    Ok(transfers)
}

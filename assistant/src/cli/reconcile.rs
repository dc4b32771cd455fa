//! `zhanggui reconcile`, `zhanggui differences` and `zhanggui difference`.

use super::output::{Output, Shown, table};
use super::{At, Connected, read_file};
use crate::trouble::{self, Trouble};
use clap::{Args, Subcommand, ValueEnum};
use commerce_core::Reconciled;
use commerce_core::caller::Caller;
use commerce_core::error::Language;
use commerce_core::money::Money;
use commerce_core::reconcile::{Mismatch, Resolution, StatementFormat, Ticket, TicketId, TicketStatus};
use commerce_core::sandbox::{self, SANDBOX};
use commerce_core::store::TicketSearch;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Reconcile {
    #[arg(long, default_value = SANDBOX)]
    channel: String,
    /// Fetch the channel's statement of this day, such as 2026-11-21 or 20261121.
    #[arg(long, required_unless_present = "file", conflicts_with = "file", value_parser = day)]
    day: Option<String>,
    /// Take the statement from this file.
    #[arg(long)]
    file: Option<PathBuf>,
    /// What the file looks like, as JSON. Without it: like the sandbox's.
    #[arg(long, requires = "file")]
    format: Option<PathBuf>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connected: Connected,
}

#[derive(Args)]
pub(crate) struct Differences {
    /// Only those nobody has settled yet.
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Subcommand)]
pub(crate) enum Difference {
    /// Say who works on it.
    Assign(Assign),
    /// Settle it.
    Resolve(Resolve),
}

#[derive(Args)]
pub(crate) struct Assign {
    id: TicketId,
    who: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Resolve {
    id: TicketId,
    how: How,
    /// Why so, for whoever reads it later.
    #[arg(long)]
    note: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Clone, Copy, ValueEnum)]
enum How {
    /// The channel is right: what is missing or too much is booked.
    BookTheirs,
    /// We are right: the channel will correct it. Nothing is booked.
    TheirMistake,
    /// It was settled elsewhere, as the note says. Nothing is booked.
    SettledElsewhere,
}

pub(crate) async fn reconcile(options: Reconcile) -> Result<(), Trouble> {
    let (shop, tenant) = options.connected.open().await?;
    let staff = Caller::staff(tenant.id);
    let format = options.format.as_deref().map_or_else(|| Ok(StatementFormat::sandbox()), read_format)?;
    let reconciled = match (&options.file, &options.day) {
        (Some(file), _) => shop.import_statement(&staff, &options.channel, &read_file(file)?, &format).await?,
        (None, day) => {
            let day = day.as_deref().unwrap_or_default();
            shop.fetch_statement(&staff, &options.channel, day, &format).await?
        }
    };
    options.output.show(&reconciled);
    Ok(())
}

/// As channels name it: 20261121.
fn day(text: &str) -> Result<String, String> {
    let is_dashed = text.len() == 10 && (&text.as_bytes()[4], &text.as_bytes()[7]) == (&b'-', &b'-');
    let day = if is_dashed { text.replacen('-', "", 2) } else { text.to_owned() };
    let exists = sandbox::start_of(&day).is_some();
    if exists { Ok(day) } else { Err("a day looks like 2026-11-21 or 20261121".to_owned()) }
}

fn read_format(file: &Path) -> Result<StatementFormat, Trouble> {
    serde_json::from_slice(&read_file(file)?)
        .map_err(|error| Trouble::say(format!("{} is no statement format: {error}; correct it there", file.display())))
}

pub(crate) async fn differences(options: Differences) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let mut tickets = shop.differences(&Caller::staff(tenant.id), &TicketSearch::default()).await?;
    tickets.retain(|ticket| !options.open || ticket.status != TicketStatus::Resolved);
    options.output.show(&tickets);
    Ok(())
}

pub(crate) async fn difference(command: Difference) -> Result<(), Trouble> {
    match command {
        Difference::Assign(options) => {
            let (shop, tenant) = options.at.open().await?;
            let ticket = shop.assign_difference(&Caller::staff(tenant.id), options.id, &options.who).await?;
            options.output.show(&vec![ticket]);
        }
        Difference::Resolve(options) => {
            let (shop, tenant) = options.at.open().await?;
            let staff = Caller::staff(tenant.id);
            let ticket = shop.resolve_difference(&staff, options.id, options.how.into(), &options.note).await?;
            options.output.show(&vec![ticket]);
        }
    }
    Ok(())
}

impl From<How> for Resolution {
    fn from(how: How) -> Self {
        match how {
            How::BookTheirs => Self::BookTheirs,
            How::TheirMistake => Self::TheirMistake,
            How::SettledElsewhere => Self::SettledElsewhere,
        }
    }
}

impl Shown for Reconciled {
    fn as_json(&self) -> Value {
        json!({
            "rows": self.rows, "new_rows": self.new_rows, "matched": self.matched, "awaited": self.awaited,
            "differences": self.differences, "opened": self.opened, "cleared": self.cleared,
        })
    }

    fn as_text(&self) -> String {
        let next = if self.differences > 0 { "\n`zhanggui differences --open` lists them." } else { "" };
        format!(
            "{} rows ({} new): {} matched, {} awaited, {} differences ({} opened, {} settled by this statement).{next}",
            self.rows, self.new_rows, self.matched, self.awaited, self.differences, self.opened, self.cleared
        )
    }
}

impl Shown for Vec<Ticket> {
    fn as_json(&self) -> Value {
        let ticket = |ticket: &Ticket| {
            json!({
                "id": ticket.id, "channel": ticket.channel, "day": ticket.day, "reason": ticket.reason.to_string(),
                "kind": ticket.kind, "ours": ticket.ours, "expected_amount": ticket.expected_amount,
                "actual_amount": ticket.actual_amount, "status": ticket.status.to_string(),
                "assigned_to": ticket.assigned_to, "resolution": ticket.resolution, "note": ticket.note,
                "due_at": ticket.due_at,
            })
        };
        self.iter().map(ticket).collect()
    }

    fn as_text(&self) -> String {
        let rows: Vec<[String; 9]> = self.iter().map(row).collect();
        let heads = ["difference", "day", "channel", "reason", ">ours", ">theirs", "status", "who", "about"];
        let reasons: BTreeSet<Mismatch> = self.iter().map(|ticket| ticket.reason).collect();
        let legend: String = reasons.into_iter().map(|reason| format!("\n{reason}: {}", meaning(reason))).collect();
        format!("{}{legend}", table(heads, &rows))
    }
}

fn row(ticket: &Ticket) -> [String; 9] {
    let amount = |amount: Option<Money>| amount.map_or_else(|| "–".to_owned(), |amount| amount.to_string());
    let status = match ticket.resolution.as_str() {
        "" => ticket.status.to_string(),
        resolution => format!("{} {resolution}", ticket.status),
    };
    [
        ticket.id.to_string(),
        ticket.day.clone(),
        ticket.channel.clone(),
        ticket.reason.to_string(),
        amount(ticket.expected_amount),
        amount(ticket.actual_amount),
        status,
        ticket.assigned_to.clone(),
        ticket.ours.join(" "),
    ]
}

fn meaning(reason: Mismatch) -> &'static str {
    match trouble::language() {
        Language::Chinese => reason.meaning_zh(),
        Language::English => reason.meaning_en(),
    }
}

//! `zhanggui bench reconcile`: how long a statement takes to be compared with the books, and how much memory that needs. What is
//! wrong with the statement is known beforehand, so that the answer is checked as well.

use super::ground::{Database, Ground};
use super::payments::Desk;
use super::yardstick;
use clap::Args;
use commerce_core::caller::Caller;
use commerce_core::id::Mint;
use commerce_core::reconcile::{Mismatch, StatementFormat};
use commerce_core::sandbox::{SANDBOX, start_of};
use commerce_core::store::TicketSearch;
use commerce_core::time::{DAY, ManualClock};
use commerce_core::{Reconciled, Shop};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use strum::IntoEnumIterator as _;

#[derive(Args)]
pub(crate) struct ReconcileBench {
    /// Which database the books are in.
    #[arg(long, value_enum, default_value = "sqlite")]
    db: Database,
    /// Payments in the books; making them takes longer than comparing them.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(100..=200_000))]
    rows: u32,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Report {
    database: &'static str,
    rows: usize,
    seed: u64,
    differences: BTreeMap<String, usize>,
    first_s: f64,
    again_s: f64,
    /// What it took at most beside what the shop held before.
    memory_mib: Option<u64>,
    single_commits_per_s: f64,
}

const CLIENTS: usize = 64;
/// Of each kind of fault, one row in so many.
const ONE_IN: usize = 600;

pub(crate) async fn run(options: ReconcileBench) -> Result<(), Box<dyn std::error::Error>> {
    let ground = Ground::open(options.db).await?;
    let desk = Desk::open(&ground.url).await?;
    let day = desk.stall.shop.now().day(0);
    desk.book(desk.news(options.rows as usize).await?, CLIENTS).await?;
    let statement = {
        let provider = desk.provider.lock().unwrap_or_else(PoisonError::into_inner);
        provider.statement(start_of(&day).ok_or("no day")?)
    };
    let (statement, spoilt) = spoil(&statement, options.seed);
    let later = Later::open(&desk);
    let held = memory_mib("VmRSS:");
    forget_the_peak();
    let (first, first_s) = later.import(&statement).await?;
    let memory_mib = memory_mib("VmHWM:").zip(held).map(|(peak, held)| peak.saturating_sub(held));
    let (again, again_s) = later.import(&statement).await?;
    let found = later.differences().await?;
    if found != spoilt || again.new_rows + again.opened > 0 {
        return Err(format!("seed {}: found {found:?} of {spoilt:?}, then {again:?}", options.seed).into());
    }
    let report = Report {
        database: ground.name(),
        rows: first.rows,
        seed: options.seed,
        differences: found,
        first_s,
        again_s,
        memory_mib,
        single_commits_per_s: yardstick::single_commits(&ground.yardstick_url(), Duration::from_secs(4)).await?,
    };
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn print(report: &Report) {
    println!("{} · a statement of {} rows · seed {}", report.database, report.rows, report.seed);
    for (reason, count) in &report.differences {
        println!("{reason:<24} {count:>10}   (all that there are)");
    }
    println!("{:<24} {:>10.2}   ({:.2} once more)", "seconds", report.first_s, report.again_s);
    if let Some(mib) = report.memory_mib {
        println!("{:<24} {mib:>10}", "MiB at most");
    }
    yardstick::print(report.single_commits_per_s, None, 1, ("", 0.0));
    let rows_per_s = report.rows as f64 / report.first_s;
    println!("rows / commit {:.1}", rows_per_s / report.single_commits_per_s);
}

/// The same shop three days later, when everything should have been listed.
struct Later {
    shop: Shop,
    staff: Caller,
}

impl Later {
    fn open(desk: &Desk) -> Self {
        let shop = &desk.stall.shop;
        let clock = ManualClock::at(shop.now().plus_micros(3 * DAY));
        let shop = Shop::with(shop.store().clone(), Arc::new(clock), Mint::from_system());
        Self { shop, staff: Caller::staff(desk.stall.tenant) }
    }

    async fn import(&self, statement: &str) -> Result<(Reconciled, f64), Box<dyn std::error::Error>> {
        let format = StatementFormat::sandbox();
        let start = Instant::now();
        let done = self.shop.import_statement(&self.staff, SANDBOX, statement.as_bytes(), &format).await?;
        Ok((done, start.elapsed().as_secs_f64()))
    }

    async fn differences(&self) -> Result<BTreeMap<String, usize>, Box<dyn std::error::Error>> {
        let mut count = BTreeMap::new();
        for ticket in self.shop.differences(&self.staff, &TicketSearch::default()).await? {
            *count.entry(ticket.reason.to_string()).or_default() += 1;
        }
        Ok(count)
    }
}

/// The statement with faults of six kinds in it, and how many there are of each.
fn spoil(statement: &str, seed: u64) -> (String, BTreeMap<String, usize>) {
    let mut lines = statement.lines();
    let heading = lines.next().unwrap_or_default().to_owned();
    let mut rows: Vec<Vec<String>> = lines.map(|line| line.split(',').map(str::to_owned).collect()).collect();
    rows.shuffle(&mut StdRng::seed_from_u64(seed));
    let each = (rows.len() / ONE_IN).max(1);
    let spoilt = rows.split_off(rows.len() - 6 * each);
    for (i, mut row) in spoilt.into_iter().enumerate() {
        match i % 6 {
            0 => row[3] = off_by_one(&row[3]),
            1 => row[4] = off_by_one(&row[4]),
            2 => row[5] = "USD".to_owned(),
            3 => rows.push(row.clone()),
            4 => {
                // The day's last, so that nothing that is missing may be in a statement still to come.
                let (no, channel_no) = (format!("pay_{i:032x}"), format!("X{i}"));
                let at = format!("{}T23:59:59Z", row[6].split('T').next().unwrap_or_default());
                rows.push([&[no, channel_no], &row[2..6], &[at], &row[7..]].concat());
            }
            _ => continue,
        }
        rows.push(row);
    }
    let page = rows.iter().fold(heading + "\n", |page, row| page + &row.join(",") + "\n");
    (page, Mismatch::iter().map(|kind| (kind.to_string(), each)).collect())
}

/// `12.50` becomes `13.50`.
fn off_by_one(amount: &str) -> String {
    let (major, minor) = amount.split_once('.').unwrap_or((amount, "00"));
    format!("{}.{minor}", major.parse::<i64>().unwrap_or_default() + 1)
}

/// What the system says of this process; nothing where it does not say.
fn memory_mib(line: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib: u64 = status.lines().find_map(|text| text.strip_prefix(line))?.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib / 1024)
}

/// From now on the peak is counted anew; where that is not allowed, the figure includes what came before.
fn forget_the_peak() {
    drop(std::fs::write("/proc/self/clear_refs", "5"));
}

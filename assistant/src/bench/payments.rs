//! `zhanggui bench payments`: how fast news of payments is checked, booked and answered, beside what the database can do at all.

use super::stall::{SKUS, Stall};
use super::{Database, yardstick};
use crate::private_postgres::PrivatePostgres;
use clap::Args;
use commerce_core::Item;
use commerce_core::caller::Caller;
use commerce_core::money::Rate;
use commerce_core::payment::Method;
use commerce_core::port::RawNotification;
use commerce_core::sandbox::{Provider, SANDBOX, SandboxChannel, wire};
use commerce_core::store::Store;
use commerce_core::time::SystemClock;
use hdrhistogram::Histogram;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Args)]
pub(crate) struct PaymentsBench {
    /// Which database to book payments on.
    #[arg(long, value_enum, default_value = "sqlite")]
    db: Database,
    /// How many notifications are under way at the same time.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// How many payments are booked at full load; a tenth as many are booked one by one.
    #[arg(long, default_value_t = 10_000)]
    payments: usize,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
    /// Leave pgbench out (it needs a minute to set up).
    #[arg(long)]
    skip_pgbench: bool,
}

#[derive(Serialize)]
struct Report {
    database: &'static str,
    clients: usize,
    loaded: Part,
    light: Part,
    statements_per_payment_light: f64,
    single_commits_per_s: f64,
    pgbench_tps: Option<f64>,
}

#[derive(Serialize)]
struct Part {
    payments: u64,
    payments_per_s: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
}

const FEE: Rate = Rate::from_basis_points(60);
const YARDSTICK: Duration = Duration::from_secs(4);
/// Orders of the warm-up, which opens the accounts.
const WARM_UP: usize = 500;

pub(crate) async fn run(options: PaymentsBench) -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let (server, url) = match options.db {
        Database::Sqlite => (None, format!("sqlite:{}/bench.db", dir.path().display())),
        Database::Postgres => {
            let server = PrivatePostgres::start()?;
            let url = server.url();
            (Some(server), url)
        }
    };
    Store::migrate(&url).await?;
    let desk = Desk::open(&url).await?;
    desk.book(desk.news(WARM_UP).await?, options.clients).await?;
    let loaded = desk.book(desk.news(options.payments).await?, options.clients).await?;
    let few = desk.news((options.payments / 10).max(1)).await?;
    let before = desk.stall.shop.store().statements();
    let light = desk.book(few, 1).await?;
    let statements = desk.stall.shop.store().statements() - before;
    let yardstick_url = match options.db {
        Database::Sqlite => format!("sqlite:{}/yardstick.db?mode=rwc", dir.path().display()),
        Database::Postgres => url,
    };
    let report = Report {
        database: if server.is_some() { "postgres" } else { "sqlite" },
        clients: options.clients,
        statements_per_payment_light: statements as f64 / light.payments as f64,
        loaded,
        light,
        single_commits_per_s: yardstick::single_commits(&yardstick_url, YARDSTICK).await?,
        pgbench_tps: match &server {
            Some(server) if !options.skip_pgbench => {
                Some(yardstick::pgbench(server, options.clients, YARDSTICK.as_secs() * 2)?)
            }
            _ => None,
        },
    };
    let verified = desk.stall.shop.verify(&Caller::system(desk.stall.tenant), None).await?;
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
        println!("{} transfers, verified", verified.transfers);
    }
    Ok(())
}

fn print(report: &Report) {
    println!("{} · notification → paid → booked", report.database);
    println!("{:<24} {:>10} {:>9} {:>9} {:>9}", "", "payments/s", "p50 ms", "p95 ms", "p99 ms");
    for (name, part) in
        [(format!("{} at a time", report.clients), &report.loaded), ("one by one".into(), &report.light)]
    {
        println!(
            "{name:<24} {:>10.0} {:>9.2} {:>9.2} {:>9.2}",
            part.payments_per_s, part.p50_ms, part.p95_ms, part.p99_ms
        );
    }
    println!("statements a payment, one by one: {:.1}", report.statements_per_payment_light);
    println!(
        "{:<24} {:>10.0}   (one row, one commit, one client)",
        "yardstick: commits/s", report.single_commits_per_s
    );
    if let Some(tps) = report.pgbench_tps {
        println!("{:<24} {:>10.0}   (TPC-B, prepared, {} clients)", "yardstick: pgbench tps", tps, report.clients);
        println!("payments / pgbench {:.0}%", report.loaded.payments_per_s / tps * 100.0);
    }
}

/// Where news of payments arrives: a shop, and the company that sends it.
struct Desk {
    stall: Arc<Stall>,
    provider: Arc<Mutex<Provider>>,
}

impl Desk {
    async fn open(url: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let stall = Stall::open(url).await?;
        let (keys, merchant_keys) = wire::keys_from("bench");
        let provider = Arc::new(Mutex::new(Provider::new("M-1", FEE, keys)));
        let channel = SandboxChannel::new(provider.clone(), merchant_keys, FEE, Arc::new(SystemClock));
        stall.shop.connect(stall.tenant, Arc::new(channel));
        Ok(Self { stall, provider })
    }

    /// Orders of two lines that were paid at the company, and what it has to tell about them.
    async fn news(&self, count: usize) -> Result<Vec<RawNotification>, Box<dyn std::error::Error>> {
        const HANDS: usize = 64;
        let tasks: Vec<_> = (0..HANDS)
            .map(|hand| {
                let (stall, provider) = (self.stall.clone(), self.provider.clone());
                tokio::spawn(async move {
                    for i in (hand..count).step_by(HANDS) {
                        order_and_pay(&stall, &provider, i).await?;
                    }
                    Ok::<(), String>(())
                })
            })
            .collect();
        for task in tasks {
            task.await??;
        }
        let mut provider = self.provider.lock().unwrap_or_else(PoisonError::into_inner);
        let due = provider.deliveries(self.stall.shop.now());
        due.iter().for_each(|delivery| provider.delivered(&delivery.event_id));
        Ok(due.into_iter().map(|delivery| delivery.message).collect())
    }

    /// Has so many tell the news at the same time; returns how long each waited for its answer.
    async fn book(&self, news: Vec<RawNotification>, clients: usize) -> Result<Part, Box<dyn std::error::Error>> {
        let news = Arc::new(Mutex::new(news));
        let start = Instant::now();
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                let (stall, news) = (self.stall.clone(), news.clone());
                tokio::spawn(async move { tell(&stall, &news).await })
            })
            .collect();
        let mut all = Histogram::<u64>::new(3)?;
        for task in tasks {
            all.add(task.await??)?;
        }
        let millis = |quantile| all.value_at_quantile(quantile) as f64 / 1_000.0;
        Ok(Part {
            payments: all.len(),
            payments_per_s: all.len() as f64 / start.elapsed().as_secs_f64(),
            p50_ms: millis(0.5),
            p95_ms: millis(0.95),
            p99_ms: millis(0.99),
        })
    }
}

async fn order_and_pay(stall: &Stall, provider: &Mutex<Provider>, i: usize) -> Result<(), String> {
    let items = vec![Item::of(stall.skus[i % SKUS], 1), Item::of(stall.skus[(i + 7) % SKUS], 2)];
    let order = stall.order(i, items).await?;
    let method = Method::Channel { code: SANDBOX.to_owned() };
    let paying = stall.shop.pay(&Caller::system(stall.tenant), order, &[method]).await;
    let paying = paying.map_err(|error| error.to_string())?;
    let now = stall.shop.now();
    let mut provider = provider.lock().unwrap_or_else(PoisonError::into_inner);
    provider.pay(&paying.payments[0].id.to_string(), now).map_err(|refusal| refusal.to_string())
}

async fn tell(stall: &Stall, news: &Mutex<Vec<RawNotification>>) -> Result<Histogram<u64>, String> {
    let mut times = Histogram::<u64>::new(3).map_err(|error| error.to_string())?;
    let system = Caller::system(stall.tenant);
    loop {
        let next = news.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(message) = next else { return Ok(times) };
        let told = Instant::now();
        stall.shop.take_notification(&system, SANDBOX, &message).await.map_err(|error| error.to_string())?;
        let micros = u64::try_from(told.elapsed().as_micros()).unwrap_or(u64::MAX);
        times.record(micros).map_err(|error| error.to_string())?;
    }
}

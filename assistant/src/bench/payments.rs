//! `zhanggui bench payments`: how fast news of payments is checked, booked and answered, beside what the database can do at all.

use super::ground::{Database, Ground};
use super::speed::{Speed, Waits};
use super::stall::{SKUS, Stall};
use super::{CLIENTS_MOST, yardstick};
use clap::Args;
use clap::builder::RangedU64ValueParser;
use commerce_core::Item;
use commerce_core::caller::Caller;
use commerce_core::ledger::seal::Trusted;
use commerce_core::money::Rate;
use commerce_core::payment::Method;
use commerce_core::port::RawNotification;
use commerce_core::sandbox::{Provider, SANDBOX, SandboxChannel, wire};
use commerce_core::time::SystemClock;
use serde::Serialize;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Args)]
pub(crate) struct PaymentsBench {
    /// Which database to book payments on.
    #[arg(long, value_enum, default_value = "sqlite")]
    db: Database,
    /// How many notifications are under way at the same time.
    #[arg(long, default_value_t = 64, value_parser = RangedU64ValueParser::<usize>::new().range(1..=CLIENTS_MOST))]
    clients: usize,
    /// How many payments are booked at full load; a tenth as many are booked one by one.
    #[arg(long, default_value_t = 10_000, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
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
    loaded: Speed,
    light: Speed,
    statements_per_payment_light: f64,
    single_commits_per_s: f64,
    pgbench_tps: Option<f64>,
}

const FEE: Rate = Rate::from_basis_points(60);
const YARDSTICK: Duration = Duration::from_secs(4);
/// Orders of the warm-up, which opens the accounts.
const WARM_UP: usize = 500;

pub(crate) async fn run(options: PaymentsBench) -> Result<(), Box<dyn std::error::Error>> {
    let ground = Ground::open(options.db).await?;
    let desk = Desk::open(&ground.url).await?;
    desk.book(desk.news(WARM_UP).await?, options.clients).await?;
    let loaded = desk.book(desk.news(options.payments).await?, options.clients).await?;
    let few = desk.news((options.payments / 10).max(1)).await?;
    let before = desk.stall.shop.store().statements();
    let light = desk.book(few, 1).await?;
    let statements = desk.stall.shop.store().statements() - before;
    let report = Report {
        database: ground.name(),
        clients: options.clients,
        statements_per_payment_light: statements as f64 / light.done as f64,
        loaded,
        light,
        single_commits_per_s: yardstick::single_commits(&ground.yardstick_url(), YARDSTICK).await?,
        pgbench_tps: match &ground.server {
            Some(server) if !options.skip_pgbench => {
                Some(yardstick::pgbench(server, options.clients, YARDSTICK.as_secs() * 2).await?)
            }
            _ => None,
        },
    };
    let verified = desk.stall.shop.verify(&Caller::system(desk.stall.tenant), &Trusted::default()).await?;
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
    Speed::print_heads("payments/s");
    report.loaded.print(&format!("{} at a time", report.clients));
    report.light.print("one by one");
    println!("statements a payment, one by one: {:.1}", report.statements_per_payment_light);
    let ours = ("payments", report.loaded.per_s);
    yardstick::print(report.single_commits_per_s, report.pgbench_tps, report.clients, ours);
}

/// Where news of payments arrives: a shop, and the company that sends it.
pub(super) struct Desk {
    pub(super) stall: Arc<Stall>,
    pub(super) provider: Arc<Mutex<Provider>>,
}

impl Desk {
    pub(super) async fn open(url: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let stall = Stall::open(url).await?;
        let (keys, merchant_keys) = wire::keys_from("bench");
        let provider = Arc::new(Mutex::new(Provider::new("M-1", FEE, keys)));
        let channel = SandboxChannel::new(provider.clone(), merchant_keys, FEE, Arc::new(SystemClock));
        stall.shop.connect(stall.tenant, Arc::new(channel));
        Ok(Self { stall, provider })
    }

    /// Orders of two lines that were paid at the company, and what it has to tell about them.
    pub(super) async fn news(&self, count: usize) -> Result<Vec<RawNotification>, Box<dyn std::error::Error>> {
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
    pub(super) async fn book(
        &self,
        news: Vec<RawNotification>,
        clients: usize,
    ) -> Result<Speed, Box<dyn std::error::Error>> {
        let news = Arc::new(Mutex::new(news));
        let start = Instant::now();
        let tasks: Vec<_> = (0..clients)
            .map(|_| {
                let (stall, news) = (self.stall.clone(), news.clone());
                tokio::spawn(async move { tell(&stall, &news).await })
            })
            .collect();
        Speed::of(start, tasks).await
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

async fn tell(stall: &Stall, news: &Mutex<Vec<RawNotification>>) -> Result<Waits, String> {
    let mut times = Waits::new()?;
    let system = Caller::system(stall.tenant);
    loop {
        let next = news.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let Some(message) = next else { return Ok(times) };
        let told = Instant::now();
        stall.shop.take_notification(&system, SANDBOX, &message).await.map_err(|error| error.to_string())?;
        times.add(told.elapsed())?;
    }
}

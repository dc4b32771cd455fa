//! `zhanggui bench orders`: how fast orders are placed, beside what the database can do at all.

use super::stall::{SKUS, Stall};
use super::{Database, slow_disk, yardstick};
use crate::private_postgres::PrivatePostgres;
use clap::Args;
use commerce_core::Item;
use commerce_core::store::Store;
use hdrhistogram::Histogram;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde::Serialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Args)]
pub(crate) struct OrdersBench {
    /// Which database to place orders on.
    #[arg(long, value_enum, default_value = "sqlite")]
    db: Database,
    /// How many shoppers order at the same time.
    #[arg(long, default_value_t = 64)]
    clients: usize,
    /// How long each part runs.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Lines of an order.
    #[arg(long, default_value_t = 2)]
    lines: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object instead of the table.
    #[arg(long)]
    json: bool,
    /// Make every sync of the disk take so many milliseconds longer (SQLite; needs a C compiler).
    #[arg(long, conflicts_with = "skip_pgbench")]
    sync_delay_ms: Option<u32>,
    /// Leave pgbench out (it needs a minute to set up).
    #[arg(long)]
    skip_pgbench: bool,
}

#[derive(Serialize)]
struct Report {
    database: &'static str,
    clients: usize,
    lines: usize,
    seed: u64,
    parts: Vec<Part>,
    single_commits_per_s: f64,
    pgbench_tps: Option<f64>,
}

#[derive(Serialize)]
struct Part {
    name: &'static str,
    orders: u64,
    orders_per_s: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
}

pub(crate) async fn run(options: OrdersBench) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(millis) = options.sync_delay_ms.filter(|_| !slow_disk::is_here()) {
        return Ok(slow_disk::run_again(millis)?);
    }
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
    let stall = Stall::open(&url).await?;
    let lasting = Duration::from_secs(options.seconds);
    let goods = |skus: usize| Goods { skus, lines: options.lines.min(skus), seed: options.seed };
    stall.run("warm-up", options.clients, goods(SKUS), Duration::from_secs(2)).await?;
    let parts = vec![
        stall.run("spread over 500 SKUs", options.clients, goods(SKUS), lasting).await?,
        stall.run("one hot SKU", options.clients, goods(1), lasting).await?,
        stall.run("one by one", 1, goods(SKUS), lasting / 2).await?,
    ];
    let single_commits_per_s = match options.db {
        Database::Sqlite => {
            yardstick::single_commits(&format!("sqlite:{}/yardstick.db?mode=rwc", dir.path().display()), lasting / 2)
                .await?
        }
        Database::Postgres => yardstick::single_commits(&url, lasting / 2).await?,
    };
    let pgbench_tps = match &server {
        Some(server) if !options.skip_pgbench => Some(yardstick::pgbench(server, options.clients, options.seconds)?),
        _ => None,
    };
    let database = if server.is_some() { "postgres" } else { "sqlite" };
    let report = Report {
        database,
        clients: options.clients,
        lines: options.lines,
        seed: options.seed,
        parts,
        single_commits_per_s,
        pgbench_tps,
    };
    if options.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print(&report);
    }
    Ok(())
}

fn print(report: &Report) {
    println!(
        "{} · {} clients · {} lines an order · seed {}",
        report.database, report.clients, report.lines, report.seed
    );
    println!("{:<24} {:>10} {:>9} {:>9} {:>9}", "", "orders/s", "p50 ms", "p95 ms", "p99 ms");
    for part in &report.parts {
        println!(
            "{:<24} {:>10.0} {:>9.2} {:>9.2} {:>9.2}",
            part.name, part.orders_per_s, part.p50_ms, part.p95_ms, part.p99_ms
        );
    }
    let (spread, hot, alone) =
        (report.parts[0].orders_per_s, report.parts[1].orders_per_s, report.parts[2].orders_per_s);
    println!(
        "{:<24} {:>10.0}   (one row, one commit, one client)",
        "yardstick: commits/s", report.single_commits_per_s
    );
    if let Some(tps) = report.pgbench_tps {
        println!("{:<24} {:>10.0}   (TPC-B, prepared, {} clients)", "yardstick: pgbench tps", tps, report.clients);
        println!("spread / pgbench {:.0}%", spread / tps * 100.0);
    }
    println!("hot / spread {:.0}% · spread / one by one {:.1}×", hot / spread * 100.0, spread / alone);
}

#[derive(Clone, Copy)]
struct Goods {
    skus: usize,
    lines: usize,
    seed: u64,
}

impl Stall {
    async fn run(
        self: &Arc<Self>,
        name: &'static str,
        clients: usize,
        goods: Goods,
        lasting: Duration,
    ) -> Result<Part, Box<dyn std::error::Error>> {
        let start = Instant::now();
        let tasks: Vec<_> = (0..clients)
            .map(|client| {
                let stall = self.clone();
                tokio::spawn(async move { stall.shop_for(client, goods, start, lasting).await })
            })
            .collect();
        let mut all = Histogram::<u64>::new(3)?;
        for task in tasks {
            all.add(task.await??)?;
        }
        let millis = |quantile| all.value_at_quantile(quantile) as f64 / 1_000.0;
        let orders_per_s = all.len() as f64 / start.elapsed().as_secs_f64();
        Ok(Part {
            name,
            orders: all.len(),
            orders_per_s,
            p50_ms: millis(0.5),
            p95_ms: millis(0.95),
            p99_ms: millis(0.99),
        })
    }

    /// One shopper who orders again and again; returns how long each order took, in microseconds.
    async fn shop_for(
        &self,
        client: usize,
        goods: Goods,
        start: Instant,
        lasting: Duration,
    ) -> Result<Histogram<u64>, String> {
        let mut random = StdRng::seed_from_u64(goods.seed ^ ((client as u64) << 32));
        let mut times = Histogram::<u64>::new(3).map_err(|error| error.to_string())?;
        while start.elapsed() < lasting {
            let shopper = random.random_range(0..self.customers.len());
            let mut items: Vec<Item> = Vec::with_capacity(goods.lines);
            while items.len() < goods.lines {
                let sku = self.skus[random.random_range(0..goods.skus)];
                if !items.iter().any(|item| item.sku == sku) {
                    items.push(Item::of(sku, random.random_range(1..=3)));
                }
            }
            let asked = Instant::now();
            self.order(shopper, items).await?;
            times
                .record(u64::try_from(asked.elapsed().as_micros()).unwrap_or(u64::MAX))
                .map_err(|error| error.to_string())?;
        }
        Ok(times)
    }
}

//! `zhanggui bench orders`: how fast orders are placed, beside what the database can do at all.

use super::ground::{Database, Ground};
use super::speed::{Speed, Waits};
use super::stall::{SKUS, Stall};
use super::{CLIENTS_MOST, slow_disk, yardstick};
use clap::Args;
use clap::builder::RangedU64ValueParser;
use commerce_core::Item;
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
    #[arg(long, default_value_t = 64, value_parser = RangedU64ValueParser::<usize>::new().range(1..=CLIENTS_MOST))]
    clients: usize,
    /// How long each part runs.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    seconds: u64,
    /// Lines of an order.
    #[arg(long, default_value_t = 2, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
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
    #[serde(flatten)]
    speed: Speed,
}

pub(crate) async fn run(options: OrdersBench) -> Result<(), Box<dyn std::error::Error>> {
    if let Some(millis) = options.sync_delay_ms.filter(|_| !slow_disk::is_here()) {
        return Ok(slow_disk::run_again(millis).await?);
    }
    let ground = Ground::open(options.db).await?;
    let stall = Stall::open(&ground.url).await?;
    let lasting = Duration::from_secs(options.seconds);
    let goods = |skus: usize| Goods { skus, lines: options.lines.min(skus), seed: options.seed };
    stall.run("warm-up", options.clients, goods(SKUS), Duration::from_secs(2)).await?;
    let parts = vec![
        stall.run("spread over 500 SKUs", options.clients, goods(SKUS), lasting).await?,
        stall.run("one hot SKU", options.clients, goods(1), lasting).await?,
        stall.run("one by one", 1, goods(SKUS), lasting / 2).await?,
    ];
    let single_commits_per_s = yardstick::single_commits(&ground.yardstick_url(), lasting / 2).await?;
    let pgbench_tps = match &ground.server {
        Some(server) if !options.skip_pgbench => {
            Some(yardstick::pgbench(server, options.clients, options.seconds).await?)
        }
        _ => None,
    };
    let report = Report {
        database: ground.name(),
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
    Speed::print_heads("orders/s");
    for part in &report.parts {
        part.speed.print(part.name);
    }
    let per_s = |part: usize| report.parts[part].speed.per_s;
    let (spread, hot, alone) = (per_s(0), per_s(1), per_s(2));
    yardstick::print(report.single_commits_per_s, report.pgbench_tps, report.clients, ("spread", spread));
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
        Ok(Part { name, speed: Speed::of(start, tasks).await? })
    }

    /// One shopper who orders again and again; returns how long each order took.
    async fn shop_for(&self, client: usize, goods: Goods, start: Instant, lasting: Duration) -> Result<Waits, String> {
        let mut random = StdRng::seed_from_u64(goods.seed ^ ((client as u64) << 32));
        let mut times = Waits::new()?;
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
            times.add(asked.elapsed())?;
        }
        Ok(times)
    }
}

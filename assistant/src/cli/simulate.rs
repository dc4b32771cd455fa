//! `zhanggui sim`.

use crate::private_postgres::PrivatePostgres;
use crate::trouble::Trouble;
use clap::{Args, ValueEnum};
use commerce_core::sim;
use commerce_core::store::Store;
use std::ops::Range;

#[derive(Args)]
pub(crate) struct Options {
    /// The same seed does the same things.
    #[arg(long, default_value_t = 1)]
    seed: u32,
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    ops: u64,
    /// Simulate payments instead: so many seeds from --seed on, with misbehaving payment companies.
    #[arg(long, value_name = "SEEDS", value_parser = clap::value_parser!(u32).range(1..))]
    money: Option<u32>,
    /// Which databases to run on; both are made for the run and thrown away.
    #[arg(long, value_enum, default_value = "both")]
    db: Databases,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
enum Databases {
    Sqlite,
    Postgres,
    Both,
}

pub(crate) async fn run(options: Options) -> Result<(), Trouble> {
    if options.db != Databases::Postgres {
        let dir = tempfile::tempdir().map_err(Trouble::say)?;
        simulate("sqlite", &format!("sqlite:{}/sim.db", dir.path().display()), &options).await?;
    }
    if options.db != Databases::Sqlite {
        let server = PrivatePostgres::start().await.map_err(Trouble::say)?;
        simulate("postgres", &server.url(), &options).await?;
    }
    Ok(())
}

async fn simulate(name: &str, url: &str, options: &Options) -> Result<(), Trouble> {
    Store::migrate(url).await?;
    let seed = u64::from(options.seed);
    if let Some(seeds) = options.money {
        return simulate_money(name, url, seed..seed + u64::from(seeds)).await;
    }
    let progress = |op| {
        if op % 10_000 == 0 {
            println!("{name}: {op} of {} operations", options.ops);
        }
    };
    let report = sim::run(url, seed, options.ops, progress)
        .await
        .map_err(|divergence| Trouble::say(format!("{name}: {divergence}")))?;
    println!(
        "{name}: seed {seed} · {} operations, {} orders, {} refusals as foreseen, {} crashes survived, {} events in the log; shop and model agree.",
        report.ops, report.orders, report.refused, report.crashes, report.events
    );
    Ok(())
}

const OPS_PER_SEED: u64 = 30;

async fn simulate_money(name: &str, url: &str, seeds: Range<u64>) -> Result<(), Trouble> {
    let progress = |seed| {
        if seed % 500 == 0 {
            println!("{name}: seed {seed}");
        }
    };
    let report = sim::run_money(url, seeds.clone(), OPS_PER_SEED, progress)
        .await
        .map_err(|divergence| Trouble::say(format!("{name}: {divergence}")))?;
    println!(
        "{name}: seeds {} to {} · {} operations, {} orders, {} payments came in, {} went back, {} disputes were decided, {} refusals, {} crashes survived; the books balance and the shop owes nobody anything.",
        seeds.start,
        seeds.end - 1,
        report.ops,
        report.orders,
        report.captured,
        report.given_back,
        report.disputed,
        report.refused,
        report.crashes
    );
    Ok(())
}

//! `zhanggui sim`.

use crate::private_postgres::PrivatePostgres;
use crate::trouble::Trouble;
use clap::{Args, ValueEnum};
use commerce_core::sim;
use commerce_core::store::Store;

#[derive(Args)]
pub(crate) struct Options {
    /// The same seed does the same things.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 10_000)]
    ops: u64,
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
        let server = PrivatePostgres::start().map_err(Trouble::say)?;
        simulate("postgres", &server.url(), &options).await?;
    }
    Ok(())
}

async fn simulate(name: &str, url: &str, options: &Options) -> Result<(), Trouble> {
    Store::migrate(url).await?;
    let progress = |op| {
        if op % 10_000 == 0 {
            println!("{name}: {op} of {} operations", options.ops);
        }
    };
    let report = sim::run(url, options.seed, options.ops, progress)
        .await
        .map_err(|divergence| Trouble::say(format!("{name}: {divergence}")))?;
    println!(
        "{name}: seed {} · {} operations, {} orders, {} refusals as foreseen, {} crashes survived, {} events in the log; shop and model agree.",
        options.seed, report.ops, report.orders, report.refused, report.crashes, report.events
    );
    Ok(())
}

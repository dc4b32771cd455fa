//! The command line: what can be asked, and how answers and troubles look.

mod data;
mod orders;
mod simulate;

use crate::bench::{self, OrdersBench};
use crate::demo;
use crate::place::Place;
use crate::private_postgres::PrivatePostgres;
use crate::trouble::Trouble;
use clap::{Args, Parser, Subcommand};
use commerce_core::Shop;
use commerce_core::store::Store;
use commerce_core::tenant::Tenant;
use std::process::Command;

/// 掌柜: the shopkeeper that knows its goods, its orders and its books.
///
/// A first look:  zhanggui migrate && zhanggui demo-data && zhanggui orders
#[derive(Parser)]
#[command(version, arg_required_else_help = true, verbatim_doc_comment)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Cmd,
}

/// Which shop of the database.
#[derive(Args)]
pub(crate) struct At {
    #[command(flatten)]
    place: Place,
    /// The shop's code.
    #[arg(long, env = "ZHANGGUI_SHOP", default_value = "demo")]
    shop: String,
}

#[derive(Subcommand)]
enum Cmd {
    /// Create the database, or bring it to this version's schema.
    Migrate(Place),
    /// Import a CSV or JSONL file; bad rows are listed and nothing is written unless all is well.
    Import(data::Import),
    /// Export everything of one kind as CSV or JSONL, in the form `import` reads.
    Export(data::Export),
    /// Fill a shop with farm goods, creator merchandise, customers and orders in every state.
    DemoData(demo::Options),
    /// List and find orders, newest first.
    Orders(orders::List),
    /// Show one order with its lines, parcels and history.
    Order(orders::Show),
    /// Do what time asks for: expire holds, cancel unpaid orders, settle activities, tell what runs low.
    Sweep(Place),
    /// Random operations with crashes, on fresh databases, beside a plain model of the shop.
    Sim(simulate::Options),
    /// Measure, beside the machine's own yardsticks.
    #[command(subcommand)]
    Bench(Bench),
    /// Run a command with a private PostgreSQL, whose address is in TEST_POSTGRES_URL.
    WithPostgres {
        #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
}

#[derive(Subcommand)]
enum Bench {
    /// Place orders as fast as the database takes them.
    Orders(OrdersBench),
}

pub(crate) async fn run(cli: Cli) -> Result<(), Trouble> {
    match cli.command {
        Cmd::Migrate(place) => migrate(&place).await,
        Cmd::Import(options) => data::import(options).await,
        Cmd::Export(options) => data::export(options).await,
        Cmd::DemoData(options) => demo::run(options).await,
        Cmd::Orders(options) => orders::list(options).await,
        Cmd::Order(options) => orders::show(options).await,
        Cmd::Sweep(place) => sweep(&place).await,
        Cmd::Sim(options) => simulate::run(options).await,
        Cmd::Bench(Bench::Orders(options)) => bench::orders(options).await.map_err(Trouble::say),
        Cmd::WithPostgres { command } => with_postgres(&command),
    }
}

impl At {
    async fn open(&self) -> Result<(Shop, Tenant), Trouble> {
        let shop = self.place.open().await?;
        let tenant = shop.tenant(&self.shop).await?;
        Ok((shop, tenant))
    }
}

async fn migrate(place: &Place) -> Result<(), Trouble> {
    match Store::migrate(place.url()).await? {
        0 => println!("The database is up to date."),
        count => println!("Ran {count} migrations."),
    }
    Ok(())
}

async fn sweep(place: &Place) -> Result<(), Trouble> {
    let swept = place.open().await?.sweep_all().await?;
    println!(
        "{} holds expired, {} orders canceled, {} activities settled, {} SKUs newly run low.",
        swept.holds_expired, swept.orders_canceled, swept.activities_settled, swept.running_low
    );
    Ok(())
}

fn with_postgres(command: &[String]) -> Result<(), Trouble> {
    let postgres = PrivatePostgres::start().map_err(Trouble::say)?;
    let status = Command::new(&command[0]).args(&command[1..]).env("TEST_POSTGRES_URL", postgres.url()).status();
    let status = status.map_err(|error| Trouble::say(format!("{} cannot be run: {error}", command[0])))?;
    if status.success() { Ok(()) } else { Err(Trouble::say(format!("{} ended with {status}", command[0]))) }
}

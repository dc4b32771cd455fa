//! The command line: what can be asked, and how answers and troubles look.

mod backup;
mod buy;
mod data;
mod dispute;
mod gift_card;
mod ledger;
mod orders;
mod output;
mod pay;
mod paying;
mod reconcile;
mod refund;
mod rules;
mod seal;
mod simulate;
mod staff;
mod webhook;

use crate::bench::{self, OrdersBench, PaymentsBench, ReconcileBench};
use crate::channels::Channels;
use crate::demo;
use crate::http;
use crate::place::Place;
use crate::private_postgres::{PrivatePostgres, until_stopped};
use crate::sandbox_pay;
use crate::serve;
use crate::trouble::Trouble;
use clap::{Args, Parser, Subcommand};
use commerce_core::Shop;
use commerce_core::store::Store;
use commerce_core::tenant::Tenant;
use std::path::{Path, PathBuf};
use tokio::process::Command;

/// 掌柜: the shopkeeper that knows its goods, its orders and its books.
///
/// A first look:  zhanggui demo
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

/// Which shop, and how it reaches its payment channels.
#[derive(Args)]
pub(crate) struct Connected {
    #[command(flatten)]
    at: At,
    #[command(flatten, next_help_heading = "Payment channels")]
    channels: Channels,
}

#[derive(Subcommand)]
enum Cmd {
    /// Create the database, or bring it to this version's schema.
    Migrate(Place),
    /// Copy everything the database holds into one file, while the shop is open; or check such a file.
    Backup(backup::Backup),
    /// Put a backup into a new database, SQLite (the file is made) or PostgreSQL, and check the books in it.
    Restore(backup::Restore),
    /// Import a CSV or JSONL file; bad rows are listed and nothing is written unless all is well.
    Import(data::Import),
    /// Export everything of one kind as CSV or JSONL, in the form `import` reads.
    Export(data::Export),
    /// Fill a shop with farm goods, creator merchandise, customers and orders in every state.
    DemoData(demo::Options),
    /// List and find orders, newest first.
    Orders(orders::List),
    /// Order goods for a customer, or see what they would cost and why.
    Buy(buy::Buy),
    /// Show one order with its lines, parcels and history.
    Order(orders::Show),
    /// Pay an order: by gift cards, through a channel, at the counter.
    Pay(pay::Pay),
    /// Show the payments and refunds of an order.
    Payments(pay::Payments),
    /// Give back a part of what an order cost, or all of it.
    Refund(refund::Refund),
    /// Cancel an order that has not left yet; what was paid goes back.
    Cancel(refund::Cancel),
    /// List what buyers dispute with their banks and is not decided.
    Disputes(dispute::List),
    /// Answer a dispute.
    #[command(subcommand)]
    Dispute(dispute::Disputes),
    /// Do what time asks for: expire holds, cancel unpaid orders, settle activities, tell what runs low.
    Sweep(Place),
    /// Ask the payment channels about everything that is open, and send what has to go back.
    Chase(refund::Chase),
    /// Issue gift cards and see what they are worth.
    #[command(subcommand)]
    GiftCard(gift_card::GiftCards),
    /// Compare a payment channel's statement with the books.
    Reconcile(reconcile::Reconcile),
    /// List where statements and books differ.
    Differences(reconcile::Differences),
    /// Work on one difference.
    #[command(subcommand)]
    Difference(reconcile::Difference),
    /// Look into the books.
    #[command(subcommand)]
    Ledger(ledger::Ledger),
    /// Sign everything that was booked, so that nobody can alter it unseen.
    Seal(seal::Seal),
    /// Check the books from the first entry to the last.
    Verify(seal::Verify),
    /// List the marketing rules.
    Rules(rules::List),
    /// Publish, check and take back marketing rules.
    #[command(subcommand)]
    Rule(rules::Rule),
    /// Give away coupons.
    #[command(subcommand)]
    Coupon(rules::Coupons),
    /// The shop's people, and what their roles let them do.
    #[command(subcommand)]
    Staff(staff::Staff),
    /// Keys with which programs act for the shop.
    #[command(subcommand)]
    Key(staff::Keys),
    /// Open a whole shop on this machine to look around in: goods, orders, service, payment company.
    Demo(serve::DemoOptions),
    /// Run the shop as a service.
    Serve(serve::Options),
    /// Look at the settings that `serve` runs by.
    #[command(subcommand)]
    Config(Configuration),
    /// Print the OpenAPI document of the service.
    Openapi(Contract),
    /// Who outside hears of events, and what became of what they were told.
    #[command(subcommand)]
    Webhooks(webhook::Webhooks),
    /// Run a payment company to practise with, on this machine.
    SandboxPay(sandbox_pay::Options),
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

#[derive(Args)]
struct Contract {
    /// Instead, say what breaks for whoever relies on this earlier document.
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Configuration {
    /// Say what is wrong with the settings, or how they are read.
    Check(serve::Options),
    /// Print a commented file with every setting and its default.
    Example,
}

#[derive(Subcommand)]
enum Bench {
    /// Place orders as fast as the database takes them.
    Orders(OrdersBench),
    /// Book payments as fast as the database takes them.
    Payments(PaymentsBench),
    /// Compare a statement with faults in it with the books.
    Reconcile(ReconcileBench),
}

pub(crate) async fn run(cli: Cli) -> Result<(), Trouble> {
    match cli.command {
        Cmd::Migrate(place) => migrate(&place).await,
        Cmd::Backup(options) => until_stopped(backup::backup(options)).await,
        Cmd::Restore(options) => until_stopped(backup::restore(options)).await,
        Cmd::Import(options) => data::import(options).await,
        Cmd::Export(options) => data::export(options).await,
        Cmd::DemoData(options) => demo::run(options).await,
        Cmd::Orders(options) => orders::list(options).await,
        Cmd::Buy(options) => buy::run(options).await,
        Cmd::Order(options) => orders::show(options).await,
        Cmd::Pay(options) => pay::pay(options).await,
        Cmd::Payments(options) => pay::payments(options).await,
        Cmd::Refund(options) => refund::refund(options).await,
        Cmd::Cancel(options) => refund::cancel(options).await,
        Cmd::Disputes(options) => dispute::list(options).await,
        Cmd::Dispute(command) => dispute::answer(command).await,
        Cmd::Chase(options) => refund::chase(options).await,
        Cmd::GiftCard(command) => gift_card::run(command).await,
        Cmd::Reconcile(options) => reconcile::reconcile(options).await,
        Cmd::Differences(options) => reconcile::differences(options).await,
        Cmd::Difference(command) => reconcile::difference(command).await,
        Cmd::Ledger(command) => ledger::run(command).await,
        Cmd::Seal(options) => seal::seal(options).await,
        Cmd::Verify(options) => seal::verify(options).await,
        Cmd::Rules(options) => rules::list(options).await,
        Cmd::Rule(command) => rules::rule(command).await,
        Cmd::Coupon(command) => rules::coupon(command).await,
        Cmd::Staff(command) => staff::staff(command).await,
        Cmd::Key(command) => staff::key(command).await,
        Cmd::Demo(options) => serve::run_demo(options).await,
        Cmd::Serve(options) => serve::run(options).await,
        Cmd::Config(Configuration::Check(options)) => serve::check(options).await,
        Cmd::Config(Configuration::Example) => {
            print!("{}", serve::COMMENTED);
            Ok(())
        }
        Cmd::Openapi(options) => print_openapi(&options),
        Cmd::Webhooks(command) => webhook::run(command).await,
        Cmd::SandboxPay(options) => sandbox_pay::run(options).await,
        Cmd::Sweep(place) => sweep(&place).await,
        Cmd::Sim(options) => until_stopped(simulate::run(options)).await,
        Cmd::Bench(bench) => until_stopped(measure(bench)).await,
        Cmd::WithPostgres { command } => until_stopped(with_postgres(&command)).await,
    }
}

impl At {
    async fn open(&self) -> Result<(Shop, Tenant), Trouble> {
        let shop = self.place.open().await?;
        let tenant = shop.tenant(&self.shop).await?;
        Ok((shop, tenant))
    }
}

impl Connected {
    async fn open(&self) -> Result<(Shop, Tenant), Trouble> {
        let (shop, tenant) = self.at.open().await?;
        self.channels.connect(&shop, tenant.id)?;
        Ok((shop, tenant))
    }
}

fn print_openapi(options: &Contract) -> Result<(), Trouble> {
    if let Some(file) = &options.against {
        let before = serde_json::from_slice(&read_file(file)?).map_err(Trouble::say)?;
        let breaches = http::breaches(&before, http::document());
        if breaches.is_empty() {
            println!("Whoever relied on that document can rely on this one.");
            return Ok(());
        }
        let listed: String = breaches.iter().map(|breach| format!("\n  {breach}")).collect();
        return Err(Trouble::say(format!(
            "{} promises are broken; keep them, or make a new version:{listed}",
            breaches.len()
        )));
    }
    println!("{}", serde_json::to_string_pretty(http::document()).map_err(Trouble::say)?);
    Ok(())
}

fn read_file(file: &Path) -> Result<Vec<u8>, Trouble> {
    std::fs::read(file)
        .map_err(|error| Trouble::say(format!("{} cannot be read: {error}; check its place", file.display())))
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

async fn measure(bench: Bench) -> Result<(), Trouble> {
    let measured = match bench {
        Bench::Orders(options) => bench::orders(options).await,
        Bench::Payments(options) => bench::payments(options).await,
        Bench::Reconcile(options) => bench::reconcile(options).await,
    };
    measured.map_err(Trouble::say)
}

async fn with_postgres(command: &[String]) -> Result<(), Trouble> {
    let postgres = PrivatePostgres::start().await.map_err(Trouble::say)?;
    let mut program = Command::new(&command[0]);
    program.args(&command[1..]).env("TEST_POSTGRES_URL", postgres.url()).kill_on_drop(true);
    let status =
        program.status().await.map_err(|error| Trouble::say(format!("{} cannot be run: {error}", command[0])))?;
    if status.success() { Ok(()) } else { Err(Trouble::say(format!("{} ended with {status}", command[0]))) }
}

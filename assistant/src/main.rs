//! `zhanggui`: the whole shop in one program.

mod bench;
mod private_postgres;

use clap::{Parser, Subcommand};
use commerce_core::store::Store;
use private_postgres::PrivatePostgres;
use std::process::{Command, ExitCode};

/// 掌柜: the shopkeeper that knows its goods, its orders and its books.
#[derive(Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Cmd,
}

#[derive(Subcommand)]
enum Cmd {
    /// Create the database or bring it to this version's schema.
    Migrate {
        #[arg(long, env = "DATABASE_URL", default_value = "sqlite:zhanggui.db")]
        db: String,
    },
    /// Measure, beside the machine's own yardsticks.
    #[command(subcommand)]
    Bench(Bench),
    /// Run a command with a private PostgreSQL, its address in TEST_POSTGRES_URL.
    WithPostgres {
        #[arg(trailing_var_arg = true, required = true)]
        command: Vec<String>,
    },
}

#[derive(Subcommand)]
enum Bench {
    /// Place orders as fast as the database takes them.
    Orders(bench::OrdersBench),
}

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().command {
        Cmd::Migrate { db } => match Store::migrate(&db).await {
            Ok(n) => {
                println!("{n}");
                ExitCode::SUCCESS
            }
            Err(e) => {
                eprintln!("{e}");
                ExitCode::FAILURE
            }
        },
        Cmd::Bench(Bench::Orders(options)) => match bench::orders(options).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("{e}");
                ExitCode::FAILURE
            }
        },
        Cmd::WithPostgres { command } => {
            let pg = match PrivatePostgres::start() {
                Ok(pg) => pg,
                Err(e) => {
                    eprintln!("{e}");
                    return ExitCode::FAILURE;
                }
            };
            let status = Command::new(&command[0]).args(&command[1..]).env("TEST_POSTGRES_URL", pg.url()).status();
            if status.is_ok_and(|s| s.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
    }
}

//! `zhanggui`: the whole shop in one program. This is the composition root; the rules of the shop are in `commerce-core`.

mod bench;
mod cli;
mod demo;
mod place;
mod private_postgres;
mod trouble;

use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let language = trouble::language();
    match cli::run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            trouble.print(language);
            ExitCode::FAILURE
        }
    }
}

//! `zhanggui`: the whole shop in one program. This is the composition root; the rules of the shop are in `commerce-core`.

mod bench;
mod channels;
mod cli;
mod demo;
#[expect(unused_qualifications, reason = "written by the macros that document the operations")]
mod http;
mod key_files;
mod outgoing;
mod place;
mod platforms;
mod private_postgres;
mod sandbox_pay;
mod serve;
mod trouble;
mod webhooks;

use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    end_quietly_when_nobody_reads_on();
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

/// `zhanggui export orders | head` closes our output before we are done. That is no failure worth a stack trace.
fn end_quietly_when_nobody_reads_on() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if panic.payload_as_str().is_some_and(|message| message.contains("Broken pipe")) {
            std::process::exit(0);
        }
        usual(panic);
    }));
}

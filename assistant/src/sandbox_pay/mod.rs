//! `zhanggui sandbox-pay`: a payment company to practise with, as a service of its own on this machine.
//!
//! Merchants speak to it by a signed JSON API, shoppers pay on its page, and it tells the merchants by signed
//! notifications. What it does wrong, it does because it was told to: `--fault create=timeout_after_success`, or
//! `POST /faults {"op": "notify", "faults": ["duplicate", "silent"]}`; `DELETE /faults` ends it.
//!
//! | Request | |
//! | --- | --- |
//! | `POST /v1/payments` | create a payment |
//! | `GET /v1/payments/{trade_no}` | how it stands |
//! | `POST /v1/payments/{trade_no}/close` | nobody can pay any more |
//! | `POST /v1/refunds` | give money back |
//! | `GET /v1/refunds/{refund_no}` | how that stands |
//! | `GET /v1/disputes?since={microseconds}` | the disputes that began or were decided since |
//! | `POST /v1/disputes/{dispute_no}/answer` | what the merchant says to it: `contest` or `accept` |
//! | `GET /v1/statements/{day}` | everything of a day (`20261121`, by Greenwich), as CSV |
//!
//! Unsigned, for whoever plays the buyer and the bank: `POST /disputes {"trade_no": "pay_…", "reason": "…"}`, then
//! `POST /disputes/{dispute_no}/decision {"verdict": "buyer_wins"}`.
//!
//! `sandbox-signature` is Ed25519 over `TIMESTAMP\nMETHOD\nPATH\nBODY`, in hexadecimal; `sandbox-timestamp` is in
//! microseconds and at most five minutes old.

mod api;
mod company;
mod html;
mod journal;
mod messenger;
mod pay_page;
mod problem;
mod status_page;
pub(crate) mod wire;

use crate::outgoing;
use crate::trouble::Trouble;
use axum::routing::get;
use clap::Args;
use commerce_core::sandbox::{Fault, Op};
use company::Company;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::TcpListener;

/// Known to everybody, so that a first look needs no setting.
const DEVELOPMENT_SECRET: &str = "zhanggui-sandbox-development";
const PATIENCE: Duration = Duration::from_secs(5);

/// What the sandbox and its merchant have agreed; both sides are given the same.
#[derive(Args, Clone)]
pub(crate) struct Agreement {
    /// Sandbox and shop make their keys from it. The default is for development: everybody knows it.
    #[arg(long, env = "ZHANGGUI_SANDBOX_SECRET", hide_env_values = true, default_value = DEVELOPMENT_SECRET)]
    pub(crate) secret: String,
    /// Who the shop is to the sandbox.
    #[arg(long, env = "ZHANGGUI_SANDBOX_MERCHANT", default_value = "M-1")]
    pub(crate) merchant: String,
    /// What the sandbox takes of a payment, in basis points: 60 is 0.6 %.
    #[arg(long, env = "ZHANGGUI_SANDBOX_FEE_BP", default_value_t = 60, value_parser = clap::value_parser!(u32).range(..=10_000))]
    pub(crate) fee_bp: u32,
}

impl Agreement {
    /// Without a secret: the one for development.
    pub(crate) fn new(secret: Option<String>, merchant: &str, fee_bp: u32) -> Self {
        let secret = secret.unwrap_or_else(|| DEVELOPMENT_SECRET.to_owned());
        Self { secret, merchant: merchant.to_owned(), fee_bp }
    }
}

#[derive(Args)]
pub(crate) struct Options {
    /// On this machine only.
    #[arg(long, default_value_t = 8085)]
    port: u16,
    #[command(flatten)]
    agreement: Agreement,
    /// Keep the books in this file, so that they are there after a restart.
    #[arg(long)]
    journal: Option<PathBuf>,
    /// Misbehave once: create=timeout_after_success. Several are had one after the other.
    #[arg(long = "fault", value_name = "OP=FAULT", value_parser = op_and_fault)]
    faults: Vec<(Op, Fault)>,
}

impl Options {
    /// On this port, by the agreement for development, with its books in this file.
    pub(crate) fn at(port: u16, journal: PathBuf) -> Self {
        Self { port, agreement: Agreement::new(None, "M-1", 60), journal: Some(journal), faults: Vec::new() }
    }
}

pub(crate) async fn run(options: Options) -> Result<(), Trouble> {
    let open = Open::open(options).await?;
    println!("The sandbox is open at {}; Ctrl-C closes it.", open.address());
    tokio::select! {
        served = open.serve() => served.map_err(Trouble::say),
        stopped = tokio::signal::ctrl_c() => stopped.map_err(Trouble::say),
    }
}

/// A sandbox whose door is open, and which serves nobody yet.
pub(crate) struct Open {
    company: Company,
    client: reqwest::Client,
    listener: TcpListener,
    address: String,
}

impl Open {
    pub(crate) async fn open(options: Options) -> Result<Self, Trouble> {
        let port = options.port;
        let taken = |error| Trouble::say(format!("port {port} cannot be used: {error}; give another one"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(taken)?;
        let address = format!("http://{}", listener.local_addr().map_err(taken)?);
        let company = Company::open(&options.agreement, options.journal.as_deref(), address.clone())?;
        for (op, fault) in options.faults {
            company.misbehave(op, [fault]);
        }
        Ok(Self { company, client: outgoing::patient(PATIENCE)?, listener, address })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) async fn serve(self) -> std::io::Result<()> {
        tokio::spawn(messenger::tell_merchants(self.company.clone(), self.client));
        let routes = pay_page::routes().merge(api::routes()).route("/", get(status_page::show));
        axum::serve(self.listener, routes.with_state(self.company)).await
    }
}

fn op_and_fault(text: &str) -> Result<(Op, Fault), String> {
    let (op_word, fault_word) = text.split_once('=').ok_or("write it like create=timeout")?;
    Ok((op(op_word)?, fault(fault_word)?))
}

fn op(word: &str) -> Result<Op, String> {
    word.parse().map_err(|_| {
        format!(
            "{word:?} is none of create, query, close, refund, query_refund, answer_dispute, query_disputes, notify"
        )
    })
}

fn fault(word: &str) -> Result<Fault, String> {
    word.parse().map_err(|_| {
        format!(
            "{word:?} is none of timeout_after_success, timeout, server_error, refuse; and for notify: duplicate, late, \
             silent, forged, wrong_amount, wrong_currency, wrong_merchant"
        )
    })
}

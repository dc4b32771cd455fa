//! `zhanggui ledger`: balances, statements, proofs.

use super::At;
use super::output::{Output, Shown, table};
use crate::trouble::Trouble;
use clap::{Args, Subcommand};
use commerce_core::Statement;
use commerce_core::caller::Caller;
use commerce_core::ledger::seal::Inclusion;
use commerce_core::ledger::{Account, Balance, Entry, Side, TransferId};
use commerce_core::money::Currency;
use commerce_core::store::AccountSearch;
use commerce_core::time::Timestamp;
use serde_json::{Value, json};

#[derive(Subcommand)]
pub(crate) enum Ledger {
    /// What stands on the accounts, now or at a moment in the past.
    Balance(Balances),
    /// What moved on one account.
    Statement(Movements),
    /// The proof that a transfer is under the newest seal.
    Prove(Prove),
}

#[derive(Args)]
pub(crate) struct Balances {
    /// Only these accounts, such as merchant or clearing:sandbox.
    #[arg(long)]
    account: Option<Account>,
    /// Such as 2026-11-21T00:00:00+08:00.
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Movements {
    /// Such as merchant or clearing:sandbox.
    account: Account,
    /// At or after, such as 2026-11-01T00:00:00+08:00. Without it, from the beginning.
    #[arg(long, value_name = "TIME")]
    from: Option<Timestamp>,
    /// Before. Without it, up to now.
    #[arg(long, value_name = "TIME")]
    to: Option<Timestamp>,
    /// Without it, the shop's own.
    #[arg(long)]
    currency: Option<Currency>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Prove {
    /// As `zhanggui ledger statement` names it.
    transfer: TransferId,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

pub(crate) async fn run(command: Ledger) -> Result<(), Trouble> {
    match command {
        Ledger::Balance(options) => balance(options).await,
        Ledger::Statement(options) => statement(options).await,
        Ledger::Prove(options) => prove(options).await,
    }
}

async fn balance(options: Balances) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let search = options.account.map_or_else(AccountSearch::default, |account| AccountSearch {
        kind: Some(account.kind),
        owner: account.owner,
    });
    options.output.show(&shop.balances(&Caller::staff(tenant.id), &search, options.as_of).await?);
    Ok(())
}

async fn statement(options: Movements) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let from = options.from.unwrap_or(Timestamp::from_micros(0));
    let to = options.to.unwrap_or_else(|| shop.now());
    let currency = options.currency.unwrap_or(tenant.currency);
    let statement = shop.statement(&Caller::staff(tenant.id), &options.account, currency, from, to).await?;
    options.output.show(&statement);
    Ok(())
}

async fn prove(options: Prove) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let proof = shop.prove(&Caller::staff(tenant.id), options.transfer).await?;
    let proof = proof.ok_or_else(|| {
        Trouble::say(format!("{} is under no seal; check its id, or run `zhanggui seal` first", options.transfer))
    })?;
    if !proof.holds(tenant.id, &proof.seal.key) {
        return Err(Trouble::say("the proof does not hold: the books were altered; run `zhanggui verify`"));
    }
    options.output.show(&proof);
    Ok(())
}

impl Shown for Vec<Balance> {
    fn as_json(&self) -> Value {
        let balance = |balance: &Balance| {
            json!({
                "account": balance.account.to_string(), "id": balance.id, "balance": balance.posted(),
                "available": balance.available(),
            })
        };
        self.iter().map(balance).collect()
    }

    fn as_text(&self) -> String {
        let row = |balance: &Balance| {
            [balance.account.to_string(), balance.posted().to_string(), balance.available().to_string()]
        };
        table(["account", ">balance", ">available"], &self.iter().map(row).collect::<Vec<_>>())
    }
}

impl Shown for Statement {
    fn as_json(&self) -> Value {
        let entry = |entry: &Entry| {
            json!({
                "transfer": entry.transfer, "at": entry.at, "phase": entry.phase, "purpose": entry.purpose.to_string(),
                "subject": entry.subject, "other": entry.other.to_string(), "side": side(entry.side),
                "amount": entry.amount, "balance": entry.balance,
            })
        };
        json!({
            "account": self.account.to_string(), "opening": self.opening, "closing": self.closing,
            "entries": self.entries.iter().map(entry).collect::<Vec<_>>(), "is_cut": self.is_cut,
        })
    }

    fn as_text(&self) -> String {
        let row = |entry: &Entry| {
            [
                entry.at.to_string(),
                entry.phase.clone(),
                entry.purpose.to_string(),
                side(entry.side).to_owned(),
                entry.amount.to_string(),
                entry.balance.to_string(),
                entry.other.to_string(),
                entry.subject.clone(),
                entry.transfer.to_string(),
            ]
        };
        let heads = ["at", "phase", "purpose", "side", ">amount", ">balance", "other account", "about", "transfer"];
        let rows: Vec<_> = self.entries.iter().map(row).collect();
        let cut = if self.is_cut { "\n\nThere are more entries than these; ask for a shorter time." } else { "" };
        format!("{}: opening {}, closing {}\n\n{}{cut}", self.account, self.opening, self.closing, table(heads, &rows))
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Debit => "debit",
        Side::Credit => "credit",
    }
}

impl Shown for Inclusion {
    fn as_json(&self) -> Value {
        let seal = &self.seal;
        json!({
            "entry": self.entry, "digest": self.digest, "position": self.position, "path": self.path,
            "seal": {
                "size": seal.size, "previous": seal.previous, "root": seal.root, "public_key": seal.key,
                "signature": seal.signature, "at": seal.at,
            },
        })
    }

    fn as_text(&self) -> String {
        let seal = &self.seal;
        let path: String = self.path.iter().map(|step| format!("  {step}\n")).collect();
        format!(
            "{} is entry {} of {} under the seal of {}, and the proof holds.\ndigest {}\npath\n{path}root   {}\nkey    {}",
            self.entry,
            self.position + 1,
            seal.size,
            seal.at,
            self.digest,
            seal.root,
            seal.key
        )
    }
}

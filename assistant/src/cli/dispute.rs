//! `zhanggui disputes` and `zhanggui dispute`.

use super::At;
use super::output::{Output, Shown, table};
use crate::trouble::Trouble;
use clap::{Args, Subcommand};
use commerce_core::caller::Caller;
use commerce_core::payment::{Dispute, DisputeId};
use serde_json::{Value, json};

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Subcommand)]
pub(crate) enum Disputes {
    /// Keep the money: what the shop knows about the order goes to the channel, and your note.
    Contest(Contest),
    /// The buyer is right: the money goes back.
    Accept(Accept),
}

#[derive(Args)]
pub(crate) struct Contest {
    id: DisputeId,
    /// What the bank should know.
    #[arg(long)]
    note: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Accept {
    id: DisputeId,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

pub(crate) async fn list(options: List) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    options.output.show(&shop.open_disputes(&Caller::staff(tenant.id)).await?);
    Ok(())
}

pub(crate) async fn answer(command: Disputes) -> Result<(), Trouble> {
    match command {
        Disputes::Contest(options) => {
            let (shop, tenant) = options.at.open().await?;
            let answered = shop.contest_dispute(&Caller::staff(tenant.id), options.id, &options.note).await?;
            options.output.show(&vec![answered]);
        }
        Disputes::Accept(options) => {
            let (shop, tenant) = options.at.open().await?;
            let answered = shop.accept_dispute(&Caller::staff(tenant.id), options.id).await?;
            options.output.show(&vec![answered]);
        }
    }
    Ok(())
}

impl Shown for Vec<Dispute> {
    fn as_json(&self) -> Value {
        let dispute = |dispute: &Dispute| {
            json!({
                "id": dispute.id, "order": dispute.order, "payment": dispute.payment, "channel": dispute.channel,
                "channel_no": dispute.channel_no, "state": dispute.state.to_string(), "amount": dispute.amount,
                "reason": dispute.reason, "answer": dispute.answer, "failure": dispute.failure, "due_at": dispute.due_at,
                "created_at": dispute.created_at,
            })
        };
        self.iter().map(dispute).collect()
    }

    fn as_text(&self) -> String {
        let rows: Vec<[String; 6]> = self.iter().map(row).collect();
        let disputes = table(["dispute", "state", ">amount", "of payment", "answer until", "reason"], &rows);
        format!("{disputes}\n`zhanggui chase` hands over what was answered and asks what became of it.\n")
    }
}

fn row(dispute: &Dispute) -> [String; 6] {
    let state = match dispute.failure.as_str() {
        "" => dispute.state.to_string(),
        failure => format!("{} ({failure})", dispute.state),
    };
    [
        dispute.id.to_string(),
        state,
        dispute.amount.to_string(),
        dispute.payment.to_string(),
        dispute.due_at.to_string(),
        dispute.reason.clone(),
    ]
}

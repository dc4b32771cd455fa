//! `zhanggui refund`, `zhanggui cancel` and `zhanggui chase`.

use super::At;
use super::output::{Output, Shown};
use crate::channels::Channels;
use crate::place::Place;
use crate::trouble::{self, Trouble};
use clap::Args;
use commerce_core::caller::Caller;
use commerce_core::money::Money;
use commerce_core::payment::{RefundId, RefundState};
use commerce_core::{Chased, Paying, Shop};
use serde_json::{Value, json};
use std::time::Duration;

#[derive(Args)]
pub(crate) struct Refund {
    order_no: String,
    /// How much is to go back, such as 12.50.
    #[arg(required_unless_present_any = ["retry", "approve", "reject"], requires = "reason")]
    amount: Option<String>,
    #[arg(long, requires = "amount")]
    reason: Option<String>,
    /// Try again to give back what a failed refund left with the shop.
    #[arg(long, group = "instead", conflicts_with_all = ["amount", "reason"])]
    retry: bool,
    /// Agree, as a second person, with what somebody else wants to give back.
    #[arg(long, group = "instead", conflicts_with_all = ["amount", "reason"], requires = "by")]
    approve: bool,
    /// Do not agree with it, and say why.
    #[arg(long, group = "instead", value_name = "WHY", conflicts_with_all = ["amount", "reason"], requires = "by")]
    reject: Option<String>,
    /// Who you are. Above the shop's limit two people have to agree.
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Cancel {
    order_no: String,
    #[arg(long)]
    reason: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Chase {
    /// Do it again and again, this many seconds apart.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    every: Option<u64>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
    #[command(flatten, next_help_heading = "Payment channels")]
    channels: Channels,
}

pub(crate) async fn refund(options: Refund) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let staff = Caller::staff(tenant.id).named(options.by.as_deref().unwrap_or_default());
    let order = shop.order_by_no(&staff, &options.order_no).await?.id;
    let waiting = waiting_for(&staff, &shop.payments(&staff, order).await?);
    let paying = match (&options.amount, &options.reason, &options.reject) {
        (Some(amount), Some(reason), _) => {
            let amount = Money::parse(amount, tenant.currency)?;
            shop.refund(&staff, order, amount, reason).await?
        }
        (_, _, Some(why)) => shop.reject_refunds(&staff, order, &waiting, why).await?,
        _ if options.approve => shop.approve_refunds(&staff, order, &waiting).await?,
        _ => shop.retry_refunds(&staff, order).await?,
    };
    options.output.show(&paying);
    Ok(())
}

/// The refunds that wait for this person: those that somebody else asked for, if there are any.
fn waiting_for(staff: &Caller, paying: &Paying) -> Vec<RefundId> {
    let waiting = || paying.refunds.iter().filter(|refund| refund.state == RefundState::Requested);
    let of_others: Vec<RefundId> =
        waiting().filter(|refund| refund.asked_by != staff.who).map(|refund| refund.id).collect();
    if of_others.is_empty() { waiting().map(|refund| refund.id).collect() } else { of_others }
}

pub(crate) async fn cancel(options: Cancel) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let staff = Caller::staff(tenant.id);
    let order = shop.order_by_no(&staff, &options.order_no).await?.id;
    shop.cancel_order(&staff, order, &options.reason).await?;
    options.output.show(&shop.payments(&staff, order).await?);
    Ok(())
}

pub(crate) async fn chase(options: Chase) -> Result<(), Trouble> {
    let shop = options.place.open().await?;
    let Some(seconds) = options.every else { return chase_once(&shop, &options).await };
    let mut round = tokio::time::interval(Duration::from_secs(seconds));
    loop {
        tokio::select! {
            _ = round.tick() => {
                // What went wrong this time may go well the next time.
                if let Err(trouble) = chase_once(&shop, &options).await {
                    trouble.print(trouble::language());
                }
            }
            stopped = tokio::signal::ctrl_c() => return stopped.map_err(Trouble::say),
        }
    }
}

async fn chase_once(shop: &Shop, options: &Chase) -> Result<(), Trouble> {
    // Shops may have been opened since the last round.
    for tenant in shop.store().read().await?.tenants().await? {
        options.channels.connect(shop, tenant.id)?;
    }
    options.output.show(&shop.chase_all().await?);
    Ok(())
}

impl Shown for Chased {
    fn as_json(&self) -> Value {
        json!({
            "messages": self.messages, "payments": self.payments, "refunds": self.refunds, "disputes": self.disputes,
            "unanswered": self.unanswered, "why": self.why,
        })
    }

    fn as_text(&self) -> String {
        let why = if self.why.is_empty() { String::new() } else { format!("\nThe first of them: {}", self.why) };
        format!(
            "{} kept messages, {} payments, {} refunds and {} disputes asked about, {} without an answer.{why}",
            self.messages, self.payments, self.refunds, self.disputes, self.unanswered
        )
    }
}

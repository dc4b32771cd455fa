//! `zhanggui pay` and `zhanggui payments`.

use super::output::Output;
use super::{At, Connected, paying};
use crate::channels::{Receiver, Receiving};
use crate::trouble::Trouble;
use clap::Args;
use commerce_core::caller::Caller;
use commerce_core::order::{Order, OrderError, OrderId, State};
use commerce_core::payment::{Method, PaymentStatus};
use commerce_core::sandbox::SANDBOX;
use commerce_core::{Paying, Shop};
use std::time::Duration;

#[derive(Args)]
pub(crate) struct Pay {
    order_no: String,
    /// The payment channel. Without it and without gift cards: sandbox.
    #[arg(long)]
    method: Option<String>,
    /// A gift card's code; may be given several times. What the cards do not cover, the channel takes.
    #[arg(long = "gift-card", value_name = "CODE")]
    gift_cards: Vec<String>,
    /// Stay until the order is paid or can no longer be, and take the channel's notifications meanwhile.
    #[arg(long)]
    wait: bool,
    /// The money was handed over outside every channel: in cash, by bank transfer.
    #[arg(long, conflicts_with_all = ["method", "gift_cards", "wait"])]
    at_counter: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    connected: Connected,
}

#[derive(Args)]
pub(crate) struct Payments {
    order_no: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

/// How often a shop that waits asks by itself.
const ROUND: Duration = Duration::from_secs(2);

pub(crate) async fn pay(options: Pay) -> Result<(), Trouble> {
    let (shop, tenant) = options.connected.open().await?;
    let staff = Caller::staff(tenant.id);
    let order = shop.order_by_no(&staff, &options.order_no).await?.id;
    if options.at_counter {
        take_at_counter(&shop, &staff, order).await?;
        options.output.show(&shop.payments(&staff, order).await?);
    } else if options.wait {
        return pay_and_wait(&options, &shop, &staff, order).await;
    } else {
        options.output.show(&shop.pay(&staff, order, &options.methods()).await?);
    }
    Ok(())
}

impl Pay {
    fn methods(&self) -> Vec<Method> {
        let cards = self.gift_cards.iter().map(|code| Method::GiftCard { code: code.clone() });
        let default = self.gift_cards.is_empty().then(|| SANDBOX.to_owned());
        let channel = self.method.clone().or(default).map(|code| Method::Channel { code });
        cards.chain(channel).collect()
    }
}

/// Takes the money, and the goods once more if the hold on them was over.
async fn take_at_counter(shop: &Shop, staff: &Caller, order: OrderId) -> Result<Order, OrderError> {
    match shop.confirm_paid(staff, order).await {
        Err(OrderError::HoldExpired) => shop.reclaim(staff, order).await,
        answer => answer,
    }
}

async fn pay_and_wait(options: &Pay, shop: &Shop, staff: &Caller, order: OrderId) -> Result<(), Trouble> {
    let receiver = Receiver::open().await?;
    options.connected.channels.connect_telling(shop, staff.tenant, &receiver.url(SANDBOX))?;
    let receiving = receiver.serve(shop.clone(), Caller::system(staff.tenant));
    let paying = shop.pay(staff, order, &options.methods()).await?;
    if let Some(url) = paying::pay_url(&paying) {
        // To the other output: what is printed at the end is all that a program reads.
        eprintln!("Pay {} at {url}", paying.order.total);
    }
    let decided = until_decided(shop, staff, order, &receiving).await;
    receiving.end().await;
    let decided = decided?;
    options.output.show(&decided);
    let state = decided.order.state;
    if state.is_unpaid() || state == State::Canceled {
        let order_no = &options.order_no;
        return Err(Trouble::say(format!("{order_no} was not paid; `zhanggui pay {order_no}` starts again")));
    }
    Ok(())
}

/// Waits until no channel can bring money any more, or it has.
async fn until_decided(shop: &Shop, staff: &Caller, order: OrderId, receiving: &Receiving) -> Result<Paying, Trouble> {
    let system = Caller::system(staff.tenant);
    let mut round = tokio::time::interval(ROUND);
    loop {
        let paying = shop.payments(staff, order).await?;
        let is_open = paying.payments.iter().any(|payment| payment.state.is_open() && payment.card.is_none());
        if !is_open || paying.status == PaymentStatus::Paid {
            return Ok(paying);
        }
        tokio::select! {
            () = receiving.news() => {}
            _ = round.tick() => { shop.chase(&system).await?; }
        }
    }
}

pub(crate) async fn payments(options: Payments) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let staff = Caller::staff(tenant.id);
    let order = shop.order_by_no(&staff, &options.order_no).await?;
    options.output.show(&shop.payments(&staff, order.id).await?);
    Ok(())
}

//! `zhanggui orders` and `zhanggui order`.

use super::At;
use crate::trouble::Trouble;
use clap::Args;
use commerce_core::caller::Caller;
use commerce_core::customer::{mask_destination, mask_phone};
use commerce_core::order::{Order, State};
use commerce_core::store::OrderSearch;
use commerce_core::time::Timestamp;

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    at: At,
    /// Only orders in this state, such as PAID.
    #[arg(long)]
    state: Option<State>,
    /// Only orders from this channel.
    #[arg(long, default_value = "")]
    channel: String,
    /// Only orders whose recipient's phone ends with these digits.
    #[arg(long, default_value = "")]
    phone: String,
    /// Only orders with this SKU code, or with these words in a title.
    #[arg(long, default_value = "")]
    goods: String,
    /// Placed at or after, such as 2026-11-01T00:00:00+08:00.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Placed before.
    #[arg(long)]
    to: Option<Timestamp>,
    #[arg(long, default_value_t = 20)]
    limit: u32,
}

#[derive(Args)]
pub(crate) struct Show {
    #[command(flatten)]
    at: At,
    order_no: String,
}

pub(crate) async fn list(options: List) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let search = OrderSearch {
        state: options.state,
        channel: options.channel,
        phone_tail: options.phone,
        goods: options.goods,
        from: options.from,
        to: options.to,
        ..OrderSearch::default()
    };
    let orders = shop.search_orders(&Caller::staff(tenant.id), &search, options.limit).await?;
    let mut states = shop.store().report().await?.order_counts(tenant.id).await?;
    states.sort_by_key(|(_, count, _)| std::cmp::Reverse(*count));
    println!("{:<18} {:<16} {:>14}  {:<9} {:<12} placed", "order", "state", "total", "channel", "phone");
    for order in orders {
        println!("{}", line(&order));
    }
    let summary: Vec<String> = states.into_iter().map(|(state, count, _)| format!("{count} {state}")).collect();
    println!("\n{}: {}", tenant.name, summary.join(", "));
    Ok(())
}

fn line(order: &Order) -> String {
    format!(
        "{:<18} {:<16} {:>14}  {:<9} {:<12} {}",
        order.order_no,
        order.state.to_string(),
        order.total.to_string(),
        order.channel,
        mask_phone(&order.destination.phone),
        order.created_at
    )
}

pub(crate) async fn show(options: Show) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let staff = Caller::staff(tenant.id);
    let found = shop.order_by_no(&staff, &options.order_no).await?;
    let (order, lines) = shop.order(&staff, found.id).await?;
    println!("{}  {}  hold {}  {}", order.order_no, order.state, order.hold, order.id);
    let to = mask_destination(&order.destination);
    if !to.recipient.is_empty() {
        println!("to {} {} {}{}{}{}", to.recipient, to.phone, to.province, to.city, to.district, to.street);
    }
    for line in &lines {
        println!(
            "  {:>3} × {:<24} {:>12}  {:>12}  {} ({})",
            line.qty,
            line.sku_code,
            line.unit_price.to_string(),
            line.amount.to_string(),
            line.title,
            line.price_rule
        );
    }
    println!(
        "goods {}  discount {}  freight {}  tax {}  total {}",
        order.goods, order.discount, order.freight, order.tax, order.total
    );
    let owes = order.owes()?;
    if !order.paid.is_zero() && !owes.is_zero() {
        println!("left to settle {owes}");
    }
    for parcel in shop.parcels(&staff, order.id).await? {
        println!("parcel {} {} {} {}", parcel.id, parcel.state, parcel.carrier, parcel.tracking_no);
    }
    for event in shop.order_history(&staff, order.id).await? {
        println!("  {}  {}", event.at, event.name);
    }
    Ok(())
}

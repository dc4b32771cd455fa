//! `zhanggui buy`: what an order would cost and why, and the order itself.

use super::At;
use super::output::{Output, Shown, table};
use crate::trouble::Trouble;
use clap::Args;
use commerce_core::caller::Caller;
use commerce_core::catalog::id_of_code;
use commerce_core::{Item, OrderRequest, Placed, Preview};
use serde_json::{Value, json};

#[derive(Args)]
pub(crate) struct Buy {
    /// SKU codes, each with `=` and how many, if it is not one.
    #[arg(required = true, value_name = "SKU[=QTY]")]
    items: Vec<String>,
    /// The code of the customer who buys.
    #[arg(long)]
    customer: String,
    #[arg(long = "coupon", value_name = "CODE")]
    coupons: Vec<String>,
    /// Where the order comes from.
    #[arg(long, default_value = "h5")]
    channel: String,
    /// Only say what it would cost, and what became of every marketing rule.
    #[arg(long)]
    preview: bool,
    /// The same key gives the same order, however often it is sent.
    #[arg(long)]
    key: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

pub(crate) async fn run(options: Buy) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let customer = id_of_code(tenant.id, &options.customer);
    let caller = Caller::shopper(tenant.id, customer);
    let addresses = shop.addresses(&caller, customer).await?;
    let home = addresses.iter().find(|address| address.is_default).or(addresses.first());
    let item = |text: &String| {
        let (code, qty) = text.split_once('=').unwrap_or((text, "1"));
        let qty = qty.parse().map_err(|_| Trouble::say(format!("{text:?} is not SKU=QTY, such as RICE-5KG=2")))?;
        Ok(Item::of(id_of_code(tenant.id, code), qty))
    };
    let request = OrderRequest {
        items: options.items.iter().map(item).collect::<Result<_, Trouble>>()?,
        address: home.map(|address| address.id),
        channel: options.channel,
        coupons: options.coupons,
        ..OrderRequest::default()
    };
    if options.preview {
        options.output.show(&shop.preview(&caller, customer, &request).await?);
        return Ok(());
    }
    let key = options.key.unwrap_or_else(|| format!("buy-{}", shop.now().micros()));
    options.output.show(&shop.place_order(&caller, customer, &key, request).await?);
    Ok(())
}

impl Shown for Preview {
    fn as_json(&self) -> Value {
        let lines: Vec<Value> = self
            .lines
            .iter()
            .map(|line| json!({ "sku": line.sku_code, "qty": line.qty, "amount": line.amount, "discount": line.discount }))
            .collect();
        let totals = &self.totals;
        json!({
            "lines": lines, "goods": totals.goods, "discount": totals.discount, "freight": totals.freight,
            "tax": totals.tax, "total": totals.total, "rules": self.considered,
        })
    }

    fn as_text(&self) -> String {
        let rows: Vec<[String; 5]> = self
            .lines
            .iter()
            .map(|line| {
                let (amount, discount) = (line.amount.amount(), line.discount.amount());
                [line.sku_code.clone(), line.title.clone(), line.qty.to_string(), amount, discount]
            })
            .collect();
        let totals = &self.totals;
        let mut text = table(["sku", "what", ">qty", ">amount", ">off"], &rows);
        text += &format!("\ngoods {} · off {} · freight {}", totals.goods, totals.discount, totals.freight);
        text += &format!(" · tax {} · total {}\n", totals.tax, totals.total);
        for considered in &self.considered {
            text += &format!("\n{} {}", considered.rule_id, considered.explain_en());
        }
        text
    }
}

impl Shown for Placed {
    fn as_json(&self) -> Value {
        json!(self)
    }

    fn as_text(&self) -> String {
        format!("{}  {}  total {}  pay until {}", self.order_no, self.status, self.total, self.pay_until)
    }
}

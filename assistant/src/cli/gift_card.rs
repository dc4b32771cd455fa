//! `zhanggui gift-card`.

use super::At;
use super::output::{Output, Shown};
use crate::trouble::Trouble;
use clap::{Args, Subcommand};
use commerce_core::IssuedGiftCard;
use commerce_core::caller::Caller;
use commerce_core::ledger::AccountKind;
use commerce_core::money::Money;
use commerce_core::payment::{COUNTER, GiftCard};
use commerce_core::time::DAY;
use serde_json::{Value, json};

#[derive(Subcommand)]
pub(crate) enum GiftCards {
    /// Issue a card; its code is told this once.
    Issue(Issue),
    /// What a card is still worth.
    Balance(Balance),
}

#[derive(Args)]
pub(crate) struct Issue {
    /// What it is worth, such as 100.00.
    amount: String,
    /// A present of the shop. Without it, the card was paid at the counter.
    #[arg(long)]
    promotion: bool,
    /// How long it can be used.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    days: u32,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Balance {
    /// Dashes, blanks and small letters do not matter.
    code: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

pub(crate) async fn run(command: GiftCards) -> Result<(), Trouble> {
    match command {
        GiftCards::Issue(options) => issue(options).await,
        GiftCards::Balance(options) => balance(options).await,
    }
}

async fn issue(options: Issue) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let amount = Money::parse(&options.amount, tenant.currency)?;
    let paid_from = if options.promotion { AccountKind::Promotion.own() } else { AccountKind::Clearing.of(COUNTER) };
    let expires_at = shop.now().plus_micros(i64::from(options.days) * DAY);
    let issued = shop.issue_gift_card(&Caller::staff(tenant.id), amount, paid_from, expires_at).await?;
    options.output.show(&issued);
    Ok(())
}

async fn balance(options: Balance) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let (card, worth) = shop.gift_card_balance(&Caller::staff(tenant.id), &options.code).await?;
    options.output.show(&Worth { card, worth });
    Ok(())
}

struct Worth {
    card: GiftCard,
    worth: Money,
}

impl Shown for IssuedGiftCard {
    fn as_json(&self) -> Value {
        let card = &self.card;
        json!({ "id": card.id, "code": self.code.reveal(), "amount": card.amount, "expires_at": card.expires_at })
    }

    fn as_text(&self) -> String {
        format!(
            "{}  {} until {}\nThe shop keeps no copy of the code.",
            in_fours(self.code.reveal()),
            self.card.amount,
            self.card.expires_at
        )
    }
}

impl Shown for Worth {
    fn as_json(&self) -> Value {
        let card = &self.card;
        json!({ "id": card.id, "worth": self.worth, "issued": card.amount, "expires_at": card.expires_at })
    }

    fn as_text(&self) -> String {
        let card = &self.card;
        format!("card …{}: {} left of {}, until {}", card.tail, self.worth, card.amount, card.expires_at)
    }
}

/// As people read codes to each other.
fn in_fours(code: &str) -> String {
    let letters: Vec<char> = code.chars().collect();
    letters.chunks(4).map(String::from_iter).collect::<Vec<_>>().join("-")
}

//! `zhanggui rules`, `zhanggui rule` and `zhanggui coupon`.

use super::output::{Output, Shown, table};
use super::{At, read_file};
use crate::trouble::Trouble;
use clap::{Args, Subcommand};
use commerce_core::Shop;
use commerce_core::caller::Caller;
use commerce_core::catalog::id_of_code;
use commerce_core::customer::CustomerId;
use commerce_core::rules::{self, Coupon, RuleError, RuleState, RuleVersion};
use commerce_core::tenant::Tenant;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct List {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Subcommand)]
pub(crate) enum Rule {
    /// Put the rule in a JSON file in force: a new one, or a new version of it.
    Publish(InFile),
    /// All versions of a rule, newest first.
    History(OfRule),
    /// Take back what the rule says now: what it said before is in force again, or nothing if it was not in force then.
    Rollback(OfRule),
    /// End a rule now.
    Withdraw(OfRule),
    /// Only say what is wrong with the rule in a JSON file.
    Check(InFile),
    /// Print the JSON Schema of rules, for editors and models.
    Schema,
}

#[derive(Args)]
pub(crate) struct InFile {
    file: PathBuf,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct OfRule {
    #[arg(value_name = "RULE_ID")]
    rule: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Subcommand)]
pub(crate) enum Coupons {
    /// Give each of these customers a coupon for the rule.
    Grant(Grant),
    /// Make coupons for whoever has the code: for parcels, partners, posters.
    Print(Print),
}

#[derive(Args)]
pub(crate) struct Grant {
    #[arg(value_name = "RULE_ID")]
    rule: String,
    #[arg(value_name = "CUSTOMER_CODE", required = true)]
    customers: Vec<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Print {
    #[arg(value_name = "RULE_ID")]
    rule: String,
    #[arg(value_parser = clap::value_parser!(u16).range(1..=10_000))]
    count: u16,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

pub(crate) async fn list(options: List) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    options.output.show(&shop.rules(&Caller::staff(tenant.id)).await?);
    Ok(())
}

pub(crate) async fn rule(command: Rule) -> Result<(), Trouble> {
    match command {
        Rule::Publish(options) => {
            let (shop, tenant) = options.at.open().await?;
            let published = shop.publish_rule(&Caller::staff(tenant.id), &text_of(&options.file)?).await?;
            options.output.show(&vec![published]);
        }
        Rule::History(options) => {
            let (shop, tenant) = options.at.open().await?;
            options.output.show(&shop.rule_history(&Caller::staff(tenant.id), &options.rule).await?);
        }
        Rule::Rollback(options) => {
            let (shop, tenant) = options.at.open().await?;
            options.output.show(&vec![shop.roll_back_rule(&Caller::staff(tenant.id), &options.rule).await?]);
        }
        Rule::Withdraw(options) => {
            let (shop, tenant) = options.at.open().await?;
            let version = shop.withdraw_rule(&Caller::staff(tenant.id), &options.rule).await?;
            options.output.show(&Withdrawn { rule_id: options.rule, version });
        }
        Rule::Check(options) => {
            let (_, tenant) = options.at.open().await?;
            let read = rules::Rule::read(&text_of(&options.file)?, tenant.currency).map_err(RuleError::Faulty)?;
            options.output.show(&Sound(read));
        }
        Rule::Schema => println!("{:#}", rules::schema()),
    }
    Ok(())
}

pub(crate) async fn coupon(command: Coupons) -> Result<(), Trouble> {
    match command {
        Coupons::Grant(options) => {
            let (shop, tenant) = options.at.open().await?;
            let customers = customers(&shop, &tenant, &options.customers).await?;
            let granted = shop.grant_coupons(&Caller::staff(tenant.id), &options.rule, &customers).await?;
            options.output.show(&granted);
        }
        Coupons::Print(options) => {
            let (shop, tenant) = options.at.open().await?;
            let count = usize::from(options.count);
            options.output.show(&shop.print_coupons(&Caller::staff(tenant.id), &options.rule, count).await?);
        }
    }
    Ok(())
}

/// The customers with these codes, all of whom have to be there.
async fn customers(shop: &Shop, tenant: &Tenant, codes: &[String]) -> Result<Vec<CustomerId>, Trouble> {
    let mut conn = shop.store().read().await?;
    let mut found = Vec::with_capacity(codes.len());
    for code in codes {
        let id = id_of_code(tenant.id, code);
        let customer = conn.customer(tenant.id, id).await?;
        found.push(customer.map(|customer| customer.id).ok_or_else(|| {
            Trouble::say(format!("there is no customer {code:?}; `zhanggui export customers` lists the codes"))
        })?);
    }
    Ok(found)
}

fn text_of(file: &Path) -> Result<String, Trouble> {
    String::from_utf8(read_file(file)?)
        .map_err(|_| Trouble::say(format!("{} is not UTF-8; save it as that", file.display())))
}

struct Withdrawn {
    rule_id: String,
    version: i64,
}

impl Shown for Withdrawn {
    fn as_json(&self) -> Value {
        json!({ "rule_id": self.rule_id, "version": self.version, "state": RuleState::Withdrawn.to_string() })
    }

    fn as_text(&self) -> String {
        format!("{} is withdrawn by its version {}.", self.rule_id, self.version)
    }
}

/// A rule without a fault.
struct Sound(rules::Rule);

impl Shown for Sound {
    fn as_json(&self) -> Value {
        document(&self.0)
    }

    fn as_text(&self) -> String {
        format!("{} has no fault; `zhanggui rule publish` puts it in force.", self.0.rule_id())
    }
}

/// The rule as it was written.
fn document(rule: &rules::Rule) -> Value {
    serde_json::from_str(&rule.to_json()).unwrap_or_default()
}

impl Shown for Vec<RuleVersion> {
    fn as_json(&self) -> Value {
        let version = |version: &RuleVersion| {
            json!({
                "rule": document(&version.rule), "version": version.version, "state": version.state.to_string(),
                "created_at": version.created_at,
            })
        };
        self.iter().map(version).collect()
    }

    fn as_text(&self) -> String {
        let row = |version: &RuleVersion| {
            let rule = &version.rule;
            [
                rule.rule_id().to_owned(),
                version.version.to_string(),
                version.state.to_string(),
                document(rule)["type"].as_str().unwrap_or_default().to_owned(),
                rule.valid_to().to_string(),
                rule.title().zh.clone(),
                rule.title().en.clone(),
            ]
        };
        let heads = ["rule", ">version", "state", "type", "until", "title", ""];
        table(heads, &self.iter().map(row).collect::<Vec<_>>())
    }
}

impl Shown for Vec<Coupon> {
    fn as_json(&self) -> Value {
        let coupon = |coupon: &Coupon| {
            json!({
                "code": coupon.code, "rule_id": coupon.rule_id, "customer": coupon.customer,
                "state": coupon.state.to_string(),
            })
        };
        self.iter().map(coupon).collect()
    }

    fn as_text(&self) -> String {
        let row = |coupon: &Coupon| {
            let owner = coupon.customer.map_or_else(|| "whoever has it".to_owned(), |customer| customer.to_string());
            [coupon.code.clone(), coupon.rule_id.clone(), owner]
        };
        table(["coupon", "rule", "for"], &self.iter().map(row).collect::<Vec<_>>())
    }
}

use super::{Cell, Conn, Row, StoreError, Tx};
use crate::customer::CustomerId;
use crate::id::Id;
use crate::money::Currency;
use crate::order::OrderId;
use crate::rules::{Coupon, CouponState, Rule, RuleState, RuleVersion};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;

/// The rules that count now, and the coupons that were presented.
#[derive(Default)]
pub(crate) struct Rulebook {
    pub(crate) rules: Vec<Rule>,
    pub(crate) coupons: Vec<Coupon>,
}

impl Conn {
    pub(crate) async fn rulebook(
        &mut self,
        tenant: TenantId,
        currency: Currency,
        coupons: &[&str],
        now: Timestamp,
    ) -> Result<Rulebook, StoreError> {
        let asked: Vec<_> = coupons.iter().map(|code| json!({ "code": code })).collect();
        let question = self.sql(include_str!("sql/rule/in_force.sql")).text(tenant).json(&asked).time(now);
        let mut book = Rulebook::default();
        for row in question.rows().await? {
            if row.text("kind")? == "rule" {
                book.rules.push(read_rule(&row.text("text")?, currency)?);
            } else {
                book.coupons.push(Coupon {
                    code: row.text("text")?,
                    rule_id: row.text("rule_id")?,
                    customer: row.maybe_id("customer")?,
                    state: row.word("state")?,
                });
            }
        }
        Ok(book)
    }

    /// All versions of a rule, or of every rule: by rule, newest first.
    pub(crate) async fn rule_versions(
        &mut self,
        tenant: TenantId,
        currency: Currency,
        rule_id: &str,
    ) -> Result<Vec<RuleVersion>, StoreError> {
        let rows = self.sql(include_str!("sql/rule/newest.sql")).text(tenant).text(rule_id).rows().await?;
        let read = |row: Row| {
            Ok(RuleVersion {
                rule: read_rule(&row.text("body")?, currency)?,
                version: row.int("version")?,
                state: row.word::<RuleState>("state")?,
                created_at: row.time("created_at")?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// The newest version of a rule, without its text.
    pub(crate) async fn newest_rule_version(
        &mut self,
        tenant: TenantId,
        rule_id: &str,
    ) -> Result<Option<(i64, RuleState)>, StoreError> {
        let row = self.sql(include_str!("sql/rule/newest_version.sql")).text(tenant).text(rule_id).row().await?;
        row.map(|row| Ok((row.int("version")?, row.word("state")?))).transpose()
    }

    pub(crate) async fn coupons_of(
        &mut self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Result<Vec<Coupon>, StoreError> {
        let rows = self.sql(include_str!("sql/rule/coupons_of.sql")).text(tenant).text(customer).rows().await?;
        let read = |row: Row| {
            Ok(Coupon {
                code: row.text("code")?,
                rule_id: row.text("rule_id")?,
                customer: Some(customer),
                state: row.word::<CouponState>("state")?,
            })
        };
        rows.into_iter().map(read).collect()
    }
}

impl Tx {
    /// Adds a version. If somebody else added it first, this write is undone and tried again.
    pub(crate) async fn insert_rule_version(
        &mut self,
        tenant: TenantId,
        version: &RuleVersion,
    ) -> Result<(), StoreError> {
        let statement = self.sql(include_str!("sql/rule/insert.sql")).text(tenant).text(version.rule.rule_id());
        let statement = statement.int(version.version).text(version.state).text(version.rule.to_json());
        let inserted = statement.time(version.rule.valid_to()).time(version.created_at).changes().await?;
        if inserted == 1 { Ok(()) } else { Err(self.lost_a_race()) }
    }

    /// Adds a version that ends the rule after `version`. If somebody else added one first, this write is undone and tried
    /// again.
    pub(crate) async fn withdraw_rule(
        &mut self,
        tenant: TenantId,
        rule_id: &str,
        version: i64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let statement = self.sql(include_str!("sql/rule/withdraw.sql")).text(tenant).text(rule_id);
        let inserted = statement.int(version).time(now).changes().await?;
        if inserted == 1 { Ok(()) } else { Err(self.lost_a_race()) }
    }

    pub(crate) async fn insert_coupons(
        &mut self,
        tenant: TenantId,
        coupons: &[(Id<Coupon>, Coupon)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = |(id, coupon): &(Id<Coupon>, Coupon)| {
            vec![
                Cell::text(id),
                Cell::text(tenant),
                Cell::text(&coupon.code),
                Cell::text(&coupon.rule_id),
                Cell::maybe(coupon.customer),
                Cell::time(now),
            ]
        };
        self.sql_rows(include_str!("sql/rule/insert_coupons.sql"), coupons.iter().map(row).collect()).run().await
    }

    /// Uses coupons up. One that somebody else used meanwhile undoes this write.
    pub(crate) async fn use_coupons(
        &mut self,
        tenant: TenantId,
        coupons: &[(&str, OrderId)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if coupons.is_empty() {
            return Ok(());
        }
        let row = |(code, order): &(&str, OrderId)| {
            vec![Cell::text(tenant), Cell::text(code), Cell::text(order), Cell::time(now)]
        };
        let rows = coupons.iter().map(row).collect();
        let used = self.sql_rows(include_str!("sql/rule/use_coupons.sql"), rows).changes().await?;
        if used == coupons.len() { Ok(()) } else { Err(self.lost_a_race()) }
    }

    /// Coupons of orders that came to nothing can be used again.
    pub(crate) async fn return_coupons(&mut self, tenant: TenantId, orders: &[OrderId]) -> Result<(), StoreError> {
        if orders.is_empty() {
            return Ok(());
        }
        let of: Vec<_> = orders.iter().map(|id| json!({ "id": id })).collect();
        self.sql(include_str!("sql/rule/return_coupons.sql")).text(tenant).json(&of).run().await
    }
}

fn read_rule(body: &str, currency: Currency) -> Result<Rule, StoreError> {
    Rule::read_stored(body, currency).map_err(|faults| {
        let first = faults.first().map_or_else(String::new, ToString::to_string);
        StoreError::Unreadable(format!("a marketing rule: {first}"))
    })
}

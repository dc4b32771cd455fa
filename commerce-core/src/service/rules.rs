//! Marketing rules: publishing, taking back, and the coupons that go with them.

use super::{Desk, Shop};
use crate::caller::Caller;
use crate::customer::CustomerId;
use crate::event::{Event, EventName};
use crate::id::Id;
use crate::money::Currency;
use crate::permission::Permission;
use crate::rules::{Coupon, CouponState, Rule, RuleError, RuleState, RuleVersion};
use crate::store::{StoreError, Tx};
use crate::time::Timestamp;
use serde_json::json;

const MOST_COUPONS: usize = 10_000;

impl Shop {
    /// Puts a rule in force: a new one, or a new version of the one with the same `rule_id`.
    pub async fn publish_rule(&self, caller: &Caller, json: &str) -> Result<RuleVersion, RuleError> {
        caller.may(Permission::WriteRules)?;
        let rule = &Rule::read(json, self.currency(caller).await?).map_err(RuleError::Faulty)?;
        self.add_version(caller, rule.rule_id(), move |_| Ok((rule.clone(), RuleState::Active))).await
    }

    /// Takes back what a rule says now: a new version says again what it said before it first said this, or, if the rule
    /// was not in force then, withdraws it. Only what was said since it was last withdrawn counts. Going back does not
    /// count as saying it anew: rolling back twice goes back twice, not forth again.
    pub async fn roll_back_rule(&self, caller: &Caller, rule_id: &str) -> Result<RuleVersion, RuleError> {
        caller.may(Permission::WriteRules)?;
        self.add_version(caller, rule_id, move |versions| {
            let in_force: Vec<_> = versions.iter().take_while(|version| version.state == RuleState::Active).collect();
            let newest = in_force.first().ok_or_else(|| unknown(rule_id))?;
            let said_before = in_force.iter().rev().take_while(|version| version.rule != newest.rule).last();
            Ok(match said_before {
                Some(earlier) => (earlier.rule.clone(), RuleState::Active),
                None => (newest.rule.clone(), RuleState::Withdrawn),
            })
        })
        .await
    }

    /// Ends a rule now, and answers with the version that says so. It is not read for that: whatever is wrong with a rule,
    /// it can be ended.
    pub async fn withdraw_rule(&self, caller: &Caller, rule_id: &str) -> Result<i64, RuleError> {
        caller.may(Permission::WriteRules)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let newest = tx.newest_rule_version(caller.tenant, rule_id).await?;
                let Some((version, RuleState::Active)) = newest else { return Err(unknown(rule_id)) };
                let now = desk.now();
                tx.withdraw_rule(caller.tenant, rule_id, version, now).await?;
                tell(desk, &mut tx, caller, rule_id, (version + 1, RuleState::Withdrawn), now).await?;
                Ok(tx.keep(version + 1).await?)
            })
            .await
    }

    /// The newest version of every rule.
    pub async fn rules(&self, caller: &Caller) -> Result<Vec<RuleVersion>, RuleError> {
        caller.may(Permission::ReadRules)?;
        let currency = self.currency(caller).await?;
        let mut versions = self.desk.store.read().await?.rule_versions(caller.tenant, currency, "").await?;
        versions.dedup_by(|later, earlier| later.rule.rule_id() == earlier.rule.rule_id());
        Ok(versions)
    }

    /// All versions of one rule, newest first.
    pub async fn rule_history(&self, caller: &Caller, rule_id: &str) -> Result<Vec<RuleVersion>, RuleError> {
        caller.may(Permission::ReadRules)?;
        self.versions_of(caller, rule_id).await
    }

    async fn versions_of(&self, caller: &Caller, rule_id: &str) -> Result<Vec<RuleVersion>, RuleError> {
        let currency = self.currency(caller).await?;
        Ok(self.desk.store.read().await?.rule_versions(caller.tenant, currency, rule_id).await?)
    }

    /// Gives each of these customers a coupon for the rule; at most 10,000 at once.
    pub async fn grant_coupons(
        &self,
        caller: &Caller,
        rule_id: &str,
        customers: &[CustomerId],
    ) -> Result<Vec<Coupon>, RuleError> {
        self.make_coupons(caller, rule_id, &customers.iter().copied().map(Some).collect::<Vec<_>>()).await
    }

    /// Makes coupons for whoever has the code: for parcels, partners, posters; at most 10,000 at once.
    pub async fn print_coupons(&self, caller: &Caller, rule_id: &str, count: usize) -> Result<Vec<Coupon>, RuleError> {
        // One more than may be is enough to be refused.
        self.make_coupons(caller, rule_id, &vec![None; count.min(MOST_COUPONS + 1)]).await
    }

    /// The coupons of a customer, newest first; a shopper sees their own.
    pub async fn coupons(&self, caller: &Caller, customer: CustomerId) -> Result<Vec<Coupon>, RuleError> {
        caller.may_as_owner_or(Permission::ReadCustomers)?;
        if caller.owner().is_some_and(|owner| owner != customer) {
            return Err(RuleError::UnknownCustomer);
        }
        Ok(self.desk.store.read().await?.coupons_of(caller.tenant, customer).await?)
    }

    async fn make_coupons(
        &self,
        caller: &Caller,
        rule_id: &str,
        owners: &[Option<CustomerId>],
    ) -> Result<Vec<Coupon>, RuleError> {
        caller.may(Permission::WriteRules)?;
        if owners.len() > MOST_COUPONS {
            return Err(RuleError::TooManyCoupons { most: MOST_COUPONS });
        }
        let versions = self.versions_of(caller, rule_id).await?;
        let newest = versions.first().filter(|newest| newest.state == RuleState::Active);
        if !newest.ok_or_else(|| unknown(rule_id))?.rule.is_coupon() {
            return Err(RuleError::NotForCoupons { rule_id: rule_id.to_owned() });
        }
        let desk = &*self.desk;
        let now = desk.now();
        let customers = &owners.iter().copied().flatten().collect();
        let coupon = |&customer: &Option<CustomerId>| {
            let coupon =
                Coupon { code: desk.mint.code(12), rule_id: rule_id.to_owned(), customer, state: CouponState::Unused };
            (desk.id(now), coupon)
        };
        let coupons: &Vec<(Id<Coupon>, Coupon)> = &owners.iter().map(coupon).collect();
        desk.store
            .write(move |mut tx| async move {
                if !tx.are_customers(caller.tenant, customers).await? {
                    return Err(RuleError::UnknownCustomer);
                }
                for some in coupons.chunks(500) {
                    tx.insert_coupons(caller.tenant, some, now).await?;
                }
                Ok(tx.keep(()).await?)
            })
            .await?;
        Ok(coupons.iter().map(|(_, coupon)| coupon.clone()).collect())
    }

    async fn add_version(
        &self,
        caller: &Caller,
        rule_id: &str,
        next: impl Fn(&[RuleVersion]) -> Result<(Rule, RuleState), RuleError>,
    ) -> Result<RuleVersion, RuleError> {
        let desk = &*self.desk;
        let currency = self.currency(caller).await?;
        let next = &next;
        desk.store
            .write(move |mut tx| async move {
                let versions = tx.rule_versions(caller.tenant, currency, rule_id).await?;
                let (rule, state) = next(&versions)?;
                let newest = versions.into_iter().next();
                if let Some(same) = newest.as_ref().filter(|newest| newest.rule == rule && newest.state == state) {
                    return Ok(tx.leave(same.clone()));
                }
                let (version, now) = (newest.map_or(1, |newest| newest.version + 1), desk.now());
                let added = RuleVersion { rule, version, state, created_at: now };
                tx.insert_rule_version(caller.tenant, &added).await?;
                tell(desk, &mut tx, caller, rule_id, (version, state), now).await?;
                Ok(tx.keep(added).await?)
            })
            .await
    }

    async fn currency(&self, caller: &Caller) -> Result<Currency, StoreError> {
        let tenant = self.desk.store.read().await?.tenant(caller.tenant).await?;
        tenant.map(|tenant| tenant.currency).ok_or_else(|| StoreError::Refused("there is no such shop".to_owned()))
    }
}

fn unknown(rule_id: &str) -> RuleError {
    RuleError::UnknownRule { rule_id: rule_id.chars().take(64).collect() }
}

async fn tell(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    rule_id: &str,
    (version, state): (i64, RuleState),
    now: Timestamp,
) -> Result<(), StoreError> {
    let name = match state {
        RuleState::Active => EventName::RulePublished,
        RuleState::Withdrawn => EventName::RuleWithdrawn,
    };
    let event = Event::new(desk.id(now), name, rule_id, caller, now, json!({ "rule_id": rule_id }));
    tx.record(caller.tenant, &[event.of_version(version)]).await
}

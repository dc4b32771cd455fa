//! Marketing rules: what a merchant (or a model on a merchant's behalf) writes as JSON, and what it does to a basket.
//!
//! [`Rule::read`] is the only way to a [`Rule`]: it finds every fault of a document at once, so what is in hand can be
//! trusted. [`evaluate`] is the only place that knows how rules meet: which comes first, what may be combined, how a
//! reduction is spread over the lines. It says of every rule what became of it, and why.
//!
//! ```json
//! {
//!   "rule_id": "autumn-rice", "title": {"zh": "秋收满减", "en": "Autumn rice"}, "type": "full_reduction",
//!   "scope": {"level": "product", "categories": ["rice"]},
//!   "condition": {"all": [{"channel_in": ["h5"]}, {"pieces_at_least": 2}]},
//!   "effect": {"steps": [{"from": "199.00", "reduce": "20.00"}, {"from": "299.00", "reduce": "50.00"}]},
//!   "stackable": false, "priority": 100,
//!   "valid_from": "2026-11-01T00:00:00+08:00", "valid_to": "2026-12-01T00:00:00+08:00"
//! }
//! ```

mod basket;
mod check;
mod doc;
mod engine;
mod fault;
mod json;
mod outcome;
mod place;
mod read;
mod version;

pub use basket::{Basket, BasketLine, FirstOrder, PresentedCoupon};
pub use doc::{Amount, Condition, Effect, RuleKind, Scope, Step, Text, Yes};
pub use engine::evaluate;
pub use fault::{Problem, RuleFault};
pub use outcome::{Considered, FreightRelief, Outcome, Verdict};
pub use version::{Coupon, CouponState, RuleError, RuleState, RuleVersion};

use crate::money::Currency;
use crate::time::Timestamp;

/// A marketing rule: for which lines, on what condition, what is taken off, and from when to when.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Rule {
    /// Lower-case letters, digits and hyphens.
    #[schemars(length(min = 3, max = 64), extend("pattern" = "^[a-z0-9]+(-[a-z0-9]+)*$"))]
    rule_id: String,
    title: Text,
    #[serde(rename = "type")]
    kind: RuleKind,
    scope: Scope,
    condition: Condition,
    effect: Effect,
    /// Whether it may be combined with other rules on the same lines. One that may not looks only at lines no rule has
    /// reduced yet, and closes the lines it reduces to all later rules.
    stackable: bool,
    /// Of two rules of one scope level the higher comes first. Product comes before activity, user and platform.
    #[schemars(range(max = 1000))]
    priority: u16,
    /// RFC 3339 with an offset; the first moment of the rule.
    #[schemars(with = "String", extend("format" = "date-time"))]
    valid_from: Timestamp,
    /// RFC 3339 with an offset; the first moment after it, at most five years later.
    #[schemars(with = "String", extend("format" = "date-time"))]
    valid_to: Timestamp,
    #[serde(skip)]
    #[schemars(skip)]
    currency: Currency,
}

impl Rule {
    /// The rule in a JSON document, or everything that is wrong with it. Amounts are of `currency`.
    pub fn read(json: &str, currency: Currency) -> Result<Self, Vec<RuleFault>> {
        read::rule(json, currency)
    }

    /// The rule in a text that [`Rule::to_json`] wrote once; how large it may be was asked then.
    pub(crate) fn read_stored(json: &str, currency: Currency) -> Result<Self, Vec<RuleFault>> {
        read::stored(json, currency)
    }

    /// Canonical: two rules that say the same are the same text. [`Rule::read`] reads it back.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a rule is texts, numbers and lists")
    }

    pub fn rule_id(&self) -> &str {
        &self.rule_id
    }

    /// What it names, for who checks that these goods or that activity exist.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    pub fn title(&self) -> &Text {
        &self.title
    }

    pub fn valid_to(&self) -> Timestamp {
        self.valid_to
    }

    pub fn is_coupon(&self) -> bool {
        self.kind == RuleKind::Coupon
    }
}

/// The JSON Schema of the document: its shape, for editors and models. [`Rule::read`] knows more than any schema can say.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Rule).to_value()
}

#[cfg(test)]
mod tests;

//! The document: a rule as it stands in JSON. What is said here is what [`super::schema`] tells editors and models.

use crate::customer::Level;
use crate::money::{Money, Rate};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};
use std::borrow::Cow;
use std::collections::BTreeSet;
use strum::IntoEnumIterator;

/// Words in both of the shop's languages.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, serde::Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Text {
    pub zh: String,
    pub en: String,
}

impl Text {
    pub(super) fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    pub(super) fn joined(parts: &[Self], zh: &str, en: &str) -> Self {
        let all = |words: fn(&Self) -> &str| parts.iter().map(words).collect::<Vec<_>>();
        Self::new(all(|part| &part.zh).join(zh), all(|part| &part.en).join(en))
    }
}

/// Which lines of an order the rule speaks of. Rules of an earlier level come first. The lists of one scope add up: what
/// any of them names is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, strum::EnumDiscriminants)]
#[serde(tag = "level", rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
#[strum_discriminants(name(ScopeLevel), vis(pub(super)), strum(serialize_all = "snake_case"))]
#[strum_discriminants(derive(PartialOrd, Ord, strum::EnumString, strum::VariantNames))]
pub enum Scope {
    /// The lines of these products, SKUs or categories, by code. At least one is named.
    Product {
        #[serde(skip_serializing_if = "BTreeSet::is_empty")]
        #[schemars(default)]
        products: BTreeSet<String>,
        #[serde(skip_serializing_if = "BTreeSet::is_empty")]
        #[schemars(default)]
        skus: BTreeSet<String>,
        #[serde(skip_serializing_if = "BTreeSet::is_empty")]
        #[schemars(default)]
        categories: BTreeSet<String>,
    },
    /// The lines bought through this activity.
    Activity { activity: String },
    /// All lines of a buyer of one of these levels, or with one of these tags. At least one is named.
    User {
        #[serde(skip_serializing_if = "BTreeSet::is_empty", serialize_with = "level_names")]
        #[schemars(default, schema_with = "levels_schema")]
        levels: BTreeSet<Level>,
        #[serde(skip_serializing_if = "BTreeSet::is_empty")]
        #[schemars(default)]
        tags: BTreeSet<String>,
    },
    /// All lines of everybody.
    Platform {},
}

/// What merchants call the rule; it limits the effects the rule may have.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema, strum::Display, strum::EnumString, strum::VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum RuleKind {
    /// Takes off amounts: `reduce`, `steps` or `every`.
    FullReduction,
    /// Takes off a share: `percent_off`.
    Discount,
    /// Any effect, for buyers who present a coupon of this rule.
    Coupon,
    /// Takes off the freight: `free_shipping`.
    FreeShipping,
}

/// What has to hold. Amounts and pieces are those of the lines in scope that are open to the rule, after what earlier
/// rules took off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema, strum::IntoStaticStr, strum::EnumDiscriminants)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
#[strum_discriminants(name(ConditionForm), vis(pub(super)), strum(serialize_all = "snake_case"))]
#[strum_discriminants(derive(strum::EnumString, strum::VariantNames))]
pub enum Condition {
    /// Every one of these; an empty list always holds.
    All(Vec<Condition>),
    /// One of these at least.
    Any(#[schemars(length(min = 1))] Vec<Condition>),
    Not(Box<Condition>),
    AmountAtLeast(Amount),
    AmountBelow(Amount),
    PiecesAtLeast(#[schemars(range(min = 1))] u32),
    PiecesBelow(#[schemars(range(min = 2))] u32),
    ChannelIn(#[schemars(length(min = 1))] BTreeSet<String>),
    LevelIn(
        #[serde(serialize_with = "level_names")]
        #[schemars(schema_with = "levels_schema", length(min = 1))]
        BTreeSet<Level>,
    ),
    TagIn(#[schemars(length(min = 1))] BTreeSet<String>),
    /// The buyer has ordered nothing yet.
    FirstOrder(Yes),
}

impl Condition {
    /// `amount_at_least`
    pub(super) fn name(&self) -> &'static str {
        self.into()
    }
}

/// What the rule gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(untagged)]
#[schemars(deny_unknown_fields)]
pub enum Effect {
    /// `reduce` off for `every` full so much, at most so much in all.
    Every {
        every: Amount,
        reduce: Amount,
        #[serde(skip_serializing_if = "Option::is_none")]
        at_most: Option<Amount>,
    },
    /// A share off, in basis points (1500 is 15%), at most so much.
    Percent {
        #[schemars(with = "u32", range(min = 1, max = 9000))]
        percent_off: Rate,
        #[serde(skip_serializing_if = "Option::is_none")]
        at_most: Option<Amount>,
    },
    /// The highest step that is reached counts. Steps rise.
    Steps {
        #[schemars(length(min = 1))]
        steps: Vec<Step>,
    },
    /// A fixed amount off.
    Reduce { reduce: Amount },
    /// The order ships free.
    FreeShipping { free_shipping: Yes },
}

impl Effect {
    /// The amount from which on it gives anything, and where that stands.
    pub(super) fn begins_at(&self) -> Option<(&'static str, Amount)> {
        match self {
            Self::Steps { steps } => steps.first().map(|step| ("effect.steps[0].from", step.from)),
            Self::Every { every, .. } => Some(("effect.every", *every)),
            Self::Reduce { .. } | Self::Percent { .. } | Self::FreeShipping { .. } => None,
        }
    }
}

/// `reduce` off from `from` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Step {
    pub from: Amount,
    pub reduce: Amount,
}

/// More than nothing, in the shop's currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount(pub Money);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.amount())
    }
}

impl JsonSchema for Amount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An amount in the shop's currency, above zero, as text: \"50.00\".",
            "type": "string",
            "pattern": "^[0-9]+([.][0-9]+)?$"
        })
    }
}

/// `true`. There is no other value: what is not wanted is left out, or stands under `not`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Yes;

impl Serialize for Yes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

impl JsonSchema for Yes {
    fn schema_name() -> Cow<'static, str> {
        "Yes".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "const": true })
    }
}

fn level_names<S: Serializer>(levels: &BTreeSet<Level>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(levels.iter().map(Level::to_string))
}

fn levels_schema(_: &mut SchemaGenerator) -> Schema {
    let names: Vec<String> = Level::iter().map(|level| level.to_string()).collect();
    json_schema!({ "type": "array", "uniqueItems": true, "items": { "type": "string", "enum": names } })
}

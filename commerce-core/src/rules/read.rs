//! From JSON to a [`Rule`]: the fields in their order, then what they mean together.

use super::check;
use super::doc::{ConditionForm, ScopeLevel};
use super::json::Json;
use super::place::{At, Faults, Reader};
use super::{Condition, Effect, Problem, Rule, RuleFault, RuleKind, Scope, Step, Text};
use crate::customer::Level;
use crate::money::{Currency, Rate};
use serde_json::Value;
use std::collections::BTreeSet;
use strum::{IntoEnumIterator, VariantNames};

const BYTES_MOST: usize = 64 * 1024;
const ITEMS_MOST: usize = 500;
const DEPTH_MOST: usize = 8;
const CONDITIONS_MOST: usize = 64;
const TITLE_CHARS_MOST: usize = 100;

/// A document from outside.
pub(super) fn rule(json: &str, currency: Currency) -> Result<Rule, Vec<RuleFault>> {
    let too_large = || vec![RuleFault { path: String::new(), problem: Problem::TooLarge { most: BYTES_MOST } }];
    if json.len() > BYTES_MOST {
        return Err(too_large());
    }
    let rule = read(json, currency, ITEMS_MOST)?;
    // What is kept is the canonical text. It can be longer than what was sent: "5" becomes "5.00".
    if rule.to_json().len() > BYTES_MOST { Err(too_large()) } else { Ok(rule) }
}

/// A document that was taken before. It was small enough then: refusing it now would stop the shop.
pub(super) fn stored(json: &str, currency: Currency) -> Result<Rule, Vec<RuleFault>> {
    read(json, currency, usize::MAX)
}

fn read(json: &str, currency: Currency, items_most: usize) -> Result<Rule, Vec<RuleFault>> {
    let mut reader = Reader { currency, faults: Faults::default(), conditions: 0, items_most };
    let rule = match parse(json) {
        Ok(value) => reader.rule(&At { path: String::new(), value: &value }),
        Err(problem) => reader.note("", problem),
    };
    match (rule, reader.faults.0) {
        (Some(rule), faults) if faults.is_empty() => Ok(rule),
        (_, faults) => Err(faults),
    }
}

fn parse(json: &str) -> Result<Value, Problem> {
    serde_json::from_str(json).map(|Json(value)| value).map_err(|error| {
        let text = error.to_string();
        let why = text.split(" at line ").next().unwrap_or_default().to_owned();
        Problem::Malformed { line: error.line(), column: error.column(), why }
    })
}

const FIELDS: [&str; 10] =
    ["rule_id", "title", "type", "scope", "condition", "effect", "stackable", "priority", "valid_from", "valid_to"];

impl Reader {
    fn rule(&mut self, at: &At) -> Option<Rule> {
        self.object(at, &FIELDS)?;
        let rule_id = self.need(at, "rule_id", Self::rule_id);
        let title = self.need(at, "title", Self::title);
        let kind = self.need(at, "type", |r, at| r.word(at, || RuleKind::VARIANTS.join(", ")));
        let scope = self.need(at, "scope", Self::scope);
        let condition = self.need(at, "condition", |r, at| r.condition(at, 1));
        let effect = self.need(at, "effect", Self::effect);
        let stackable = self.need(at, "stackable", Self::yes_or_no);
        let priority = self.need(at, "priority", |r, at| r.whole(at, 0..=1_000));
        let valid_from = self.need(at, "valid_from", Self::time);
        let valid_to = match at.field("valid_to") {
            Some(at) => self.time(&at),
            None => self.note("valid_to", Problem::Endless),
        };
        check::window(valid_from, valid_to, &mut self.faults);
        check::effect(effect.as_ref(), kind, condition.as_ref(), &mut self.faults);
        check::contradictions(condition.as_ref(), scope.as_ref(), effect.as_ref(), &mut self.faults);
        Some(Rule {
            rule_id: rule_id?,
            title: title?,
            kind: kind?,
            scope: scope?,
            condition: condition?,
            effect: effect?,
            stackable: stackable?,
            priority: u16::try_from(priority?).ok()?,
            valid_from: valid_from?,
            valid_to: valid_to?,
            currency: self.currency,
        })
    }

    fn title(&mut self, at: &At) -> Option<Text> {
        self.object(at, &["zh", "en"])?;
        let zh = self.need(at, "zh", |r, at| r.text(at, TITLE_CHARS_MOST));
        let en = self.need(at, "en", |r, at| r.text(at, TITLE_CHARS_MOST));
        Some(Text { zh: zh?, en: en? })
    }

    fn scope(&mut self, at: &At) -> Option<Scope> {
        self.fields(at)?;
        match self.need(at, "level", |r, at| r.word(at, || ScopeLevel::VARIANTS.join(", ")))? {
            ScopeLevel::Product => self.product_scope(at),
            ScopeLevel::Activity => {
                self.object(at, &["level", "activity"])?;
                Some(Scope::Activity { activity: self.need(at, "activity", Self::code)? })
            }
            ScopeLevel::User => self.user_scope(at),
            ScopeLevel::Platform => self.object(at, &["level"]).map(|()| Scope::Platform {}),
        }
    }

    fn product_scope(&mut self, at: &At) -> Option<Scope> {
        self.object(at, &["level", "products", "skus", "categories"])?;
        let [products, skus, categories] =
            ["products", "skus", "categories"].map(|name| self.maybe(at, name, Self::codes));
        let (products, skus, categories) = (products?, skus?, categories?);
        if products.is_none() && skus.is_none() && categories.is_none() {
            self.faults.note(&at.path, Problem::NamesNothing { known: "products, skus, categories" });
        }
        Some(Scope::Product {
            products: products.unwrap_or_default(),
            skus: skus.unwrap_or_default(),
            categories: categories.unwrap_or_default(),
        })
    }

    fn user_scope(&mut self, at: &At) -> Option<Scope> {
        self.object(at, &["level", "levels", "tags"])?;
        let (levels, tags) = (self.maybe(at, "levels", Self::levels), self.maybe(at, "tags", Self::codes));
        let (levels, tags) = (levels?, tags?);
        if levels.is_none() && tags.is_none() {
            self.faults.note(&at.path, Problem::NamesNothing { known: "levels, tags" });
        }
        Some(Scope::User { levels: levels.unwrap_or_default(), tags: tags.unwrap_or_default() })
    }

    fn levels(&mut self, at: &At) -> Option<BTreeSet<Level>> {
        let known = || Level::iter().map(|level| level.to_string()).collect::<Vec<_>>().join(", ");
        self.set(at, |r, at| r.word(at, known))
    }

    fn condition(&mut self, at: &At, depth: usize) -> Option<Condition> {
        self.conditions += 1;
        if self.conditions == CONDITIONS_MOST + 1 {
            self.faults.note(&at.path, Problem::TooManyConditions { most: CONDITIONS_MOST });
        }
        if depth > DEPTH_MOST {
            self.faults.note(&at.path, Problem::TooDeep { most: DEPTH_MOST });
        }
        if depth > DEPTH_MOST || self.conditions > CONDITIONS_MOST {
            return None;
        }
        let (form, at) = self.form(at)?;
        Some(match form {
            ConditionForm::All => Condition::All(self.conditions(&at, depth)?),
            ConditionForm::Any => Condition::Any(self.conditions(&at, depth)?),
            ConditionForm::Not => Condition::Not(Box::new(self.condition(&at, depth + 1)?)),
            ConditionForm::AmountAtLeast => Condition::AmountAtLeast(self.amount(&at)?),
            ConditionForm::AmountBelow => Condition::AmountBelow(self.amount(&at)?),
            ConditionForm::PiecesAtLeast => Condition::PiecesAtLeast(self.whole(&at, 1..=u32::MAX)?),
            ConditionForm::PiecesBelow => Condition::PiecesBelow(self.whole(&at, 2..=u32::MAX)?),
            ConditionForm::ChannelIn => Condition::ChannelIn(self.codes(&at)?),
            ConditionForm::LevelIn => Condition::LevelIn(self.levels(&at)?),
            ConditionForm::TagIn => Condition::TagIn(self.codes(&at)?),
            ConditionForm::FirstOrder => Condition::FirstOrder(self.yes(&at)?),
        })
    }

    fn conditions(&mut self, at: &At, depth: usize) -> Option<Vec<Condition>> {
        // A faulty part is replaced by one that always holds: it contradicts nothing, and the others keep their places.
        let placeholder = || Condition::All(Vec::new());
        let parts = self.list(at, |r, at| r.condition(at, depth + 1))?;
        Some(parts.into_iter().map(|part| part.unwrap_or_else(placeholder)).collect())
    }

    fn effect(&mut self, at: &At) -> Option<Effect> {
        let fields = self.fields(at)?;
        // "reduce" comes last: beside "every" it is a part of it.
        let forms = ["every", "percent_off", "steps", "free_shipping", "reduce"];
        match forms.into_iter().find(|form| fields.contains_key(*form)) {
            Some("every") => self.every(at),
            Some("percent_off") => self.percent(at),
            Some("steps") => self.steps(at),
            Some("free_shipping") => {
                self.object(at, &["free_shipping"])?;
                Some(Effect::FreeShipping { free_shipping: self.need(at, "free_shipping", Self::yes)? })
            }
            Some(_) => {
                self.object(at, &["reduce"])?;
                Some(Effect::Reduce { reduce: self.need(at, "reduce", Self::amount)? })
            }
            None => {
                self.object(at, &forms)?;
                self.note(&at.path, Problem::NotOneForm { known: forms.join(", ") })
            }
        }
    }

    fn every(&mut self, at: &At) -> Option<Effect> {
        self.object(at, &["every", "reduce", "at_most"])?;
        let every = self.need(at, "every", Self::amount);
        let reduce = self.need(at, "reduce", Self::amount);
        let at_most = self.maybe(at, "at_most", Self::amount);
        Some(Effect::Every { every: every?, reduce: reduce?, at_most: at_most? })
    }

    fn percent(&mut self, at: &At) -> Option<Effect> {
        self.object(at, &["percent_off", "at_most"])?;
        let points = self.need(at, "percent_off", |r, at| r.whole(at, 1..=9_000));
        let at_most = self.maybe(at, "at_most", Self::amount);
        Some(Effect::Percent { percent_off: Rate::from_basis_points(points?), at_most: at_most? })
    }

    fn steps(&mut self, at: &At) -> Option<Effect> {
        self.object(at, &["steps"])?;
        let steps = self.need(at, "steps", |r, at| r.list(at, Self::step))?;
        if steps.is_empty() {
            self.faults.note(at.path_of("steps"), Problem::EmptyList);
        }
        steps.into_iter().collect::<Option<_>>().map(|steps| Effect::Steps { steps })
    }

    fn step(&mut self, at: &At) -> Option<Step> {
        self.object(at, &["from", "reduce"])?;
        let (from, reduce) = (self.need(at, "from", Self::amount), self.need(at, "reduce", Self::amount));
        Some(Step { from: from?, reduce: reduce? })
    }
}

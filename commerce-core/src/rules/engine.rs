//! What rules do to a basket: which comes first, what may be combined, and how a reduction is spread over the lines.

use super::basket::{Facts, wanted};
use super::doc::ScopeLevel;
use super::{Basket, BasketLine, Condition, Considered, Effect, FreightRelief, Outcome, Rule, Scope, Verdict};
use crate::money::{Money, MoneyError, Round};
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// What the rules take off the basket. The order in which the rules are given does not matter; their ids are unique.
pub fn evaluate(rules: &[Rule], basket: &Basket<'_>) -> Result<Outcome, MoneyError> {
    if let Some(rule) = rules.iter().find(|rule| rule.currency != basket.currency) {
        return Err(MoneyError::CurrencyMismatch { left: rule.currency, right: basket.currency });
    }
    let mut tally = Tally::open(basket);
    for rule in in_order(rules) {
        for coupon in presented(rule, basket) {
            tally.look_at(rule, coupon)?;
        }
    }
    let known: BTreeSet<&str> = rules.iter().filter(|rule| rule.is_coupon()).map(Rule::rule_id).collect();
    tally.refuse_strays(&known);
    tally.close()
}

fn in_order(rules: &[Rule]) -> Vec<&Rule> {
    let mut ordered: Vec<&Rule> = rules.iter().collect();
    ordered.sort_by(|a, b| {
        let rank = |rule: &Rule| (ScopeLevel::from(&rule.scope), Reverse(rule.priority), rule.valid_from);
        rank(a).cmp(&rank(b)).then_with(|| a.rule_id.cmp(&b.rule_id))
    });
    ordered
}

/// How often the rule is looked at: once, or once for each of its coupons. A coupon given twice is one coupon.
fn presented<'a>(rule: &Rule, basket: &Basket<'a>) -> Vec<Option<&'a str>> {
    let own = basket.coupons.iter().filter(|coupon| rule.is_coupon() && coupon.rule_id == rule.rule_id);
    let codes: BTreeSet<&str> = own.map(|coupon| coupon.code).collect();
    if codes.is_empty() { vec![None] } else { codes.into_iter().map(Some).collect() }
}

/// The basket while rule after rule looks at it.
struct Tally<'a> {
    basket: &'a Basket<'a>,
    lines: Vec<Standing<'a>>,
    freed_by: Option<&'a str>,
    considered: Vec<Considered>,
}

struct Standing<'a> {
    line: &'a BasketLine<'a>,
    left: Money,
    reduced_by: Option<&'a str>,
    is_closed: bool,
}

impl<'a> Standing<'a> {
    fn open(line: &'a BasketLine<'a>) -> Self {
        Self { line, left: line.amount, reduced_by: None, is_closed: false }
    }

    fn is_open_to(&self, rule: &Rule) -> bool {
        if rule.stackable { !self.is_closed } else { self.reduced_by.is_none() }
    }

    /// What may still be taken off.
    fn room(&self) -> Result<Money, MoneyError> {
        let nothing = Money::zero(self.left.currency());
        self.left.checked_sub(self.line.floor.at_least(nothing)?)?.at_least(nothing)
    }
}

impl<'a> Tally<'a> {
    fn open(basket: &'a Basket<'a>) -> Self {
        let lines = basket.lines.iter().map(Standing::open).collect();
        Self { basket, lines, freed_by: None, considered: Vec::new() }
    }

    fn look_at(&mut self, rule: &'a Rule, coupon: Option<&str>) -> Result<(), MoneyError> {
        let verdict = match self.refusal(rule, coupon) {
            Some(verdict) => verdict,
            None => self.apply(rule)?,
        };
        self.considered.push(Considered {
            rule_id: rule.rule_id.clone(),
            title: Some(rule.title.clone()),
            coupon: coupon.map(ToOwned::to_owned),
            verdict,
        });
        Ok(())
    }

    fn refuse_strays(&mut self, known: &BTreeSet<&str>) {
        let coupons = self.basket.coupons.iter().map(|coupon| (coupon.rule_id, coupon.code));
        let strays: BTreeSet<_> = coupons.filter(|(rule_id, _)| !known.contains(rule_id)).collect();
        self.considered.extend(strays.into_iter().map(|(rule_id, code)| Considered {
            rule_id: rule_id.to_owned(),
            title: None,
            coupon: Some(code.to_owned()),
            verdict: Verdict::UnknownRule,
        }));
    }

    fn close(self) -> Result<Outcome, MoneyError> {
        let taken = |standing: &Standing| standing.line.amount.checked_sub(standing.left);
        let per_line: Vec<Money> = self.lines.iter().map(taken).collect::<Result<_, _>>()?;
        let discount = Money::sum(self.basket.currency, per_line.iter().copied())?;
        let freight = if self.freed_by.is_some() { FreightRelief::Free } else { FreightRelief::None };
        Ok(Outcome { per_line, discount, freight, considered: self.considered })
    }

    /// Why the rule is not even held against the goods.
    fn refusal(&self, rule: &Rule, coupon: Option<&str>) -> Option<Verdict> {
        let fired_before = || self.considered.iter().any(|one| one.rule_id == rule.rule_id && one.took_effect());
        if self.basket.now < rule.valid_from {
            Some(Verdict::NotYetValid { from: rule.valid_from })
        } else if rule.valid_to <= self.basket.now {
            Some(Verdict::Expired { at: rule.valid_to })
        } else if rule.is_coupon() && coupon.is_none() {
            Some(Verdict::NoCoupon)
        } else if !rule.stackable && fired_before() {
            Some(Verdict::NotStackable { with: rule.rule_id.clone() })
        } else {
            None
        }
    }

    fn apply(&mut self, rule: &'a Rule) -> Result<Verdict, MoneyError> {
        let in_scope: Vec<usize> =
            (0..self.lines.len()).filter(|&i| self.covers(&rule.scope, self.lines[i].line)).collect();
        let open: Vec<usize> = in_scope.iter().copied().filter(|&i| self.lines[i].is_open_to(rule)).collect();
        if open.is_empty() {
            // Only what another rule reduced is not open.
            let other = in_scope.iter().find_map(|&i| self.lines[i].reduced_by);
            return Ok(other.map_or(Verdict::NothingInScope, |with| Verdict::NotStackable { with: with.to_owned() }));
        }
        let facts = self.facts(&open)?;
        if let Some(verdict) = unmet(rule, &facts) {
            return Ok(verdict);
        }
        match due(&rule.effect, facts.amount)? {
            Due::Amount(due) => self.take(rule, &open, due),
            Due::Freight => Ok(self.free_freight(rule)),
        }
    }

    fn covers(&self, scope: &Scope, line: &BasketLine) -> bool {
        match scope {
            Scope::Product { products, skus, categories } => {
                products.contains(line.product_code)
                    || skus.contains(line.sku_code)
                    || categories.contains(line.category)
            }
            Scope::Activity { activity } => line.activity == Some(activity.as_str()),
            Scope::User { levels, tags } => {
                levels.contains(&self.basket.level) || self.basket.tags.iter().any(|tag| tags.contains(tag))
            }
            Scope::Platform {} => true,
        }
    }

    fn facts(&self, open: &[usize]) -> Result<Facts<'a>, MoneyError> {
        let amount = Money::sum(self.basket.currency, open.iter().map(|&i| self.lines[i].left))?;
        let pieces = open.iter().map(|&i| u64::from(self.lines[i].line.qty)).sum();
        Ok(Facts { basket: self.basket, amount, pieces })
    }

    fn free_freight(&mut self, rule: &'a Rule) -> Verdict {
        match self.freed_by {
            Some(with) => Verdict::FreightIsFree { with: with.to_owned() },
            None => {
                self.freed_by = Some(&rule.rule_id);
                Verdict::ShipsFree
            }
        }
    }

    fn take(&mut self, rule: &'a Rule, open: &[usize], due: Money) -> Result<Verdict, MoneyError> {
        let left: Vec<Money> = open.iter().map(|&i| self.lines[i].left).collect();
        let room: Vec<Money> = open.iter().map(|&i| self.lines[i].room()).collect::<Result<_, _>>()?;
        let mut per_line = Vec::new();
        for (&i, part) in open.iter().zip(spread(due, &left, &room)?).filter(|(_, part)| !part.is_zero()) {
            let line = &mut self.lines[i];
            line.left = line.left.checked_sub(part)?;
            line.reduced_by = Some(&rule.rule_id);
            line.is_closed = !rule.stackable;
            per_line.push((i, part));
        }
        if per_line.is_empty() {
            return Ok(Verdict::NothingLeft);
        }
        let amount = Money::sum(due.currency(), per_line.iter().map(|(_, part)| *part))?;
        Ok(Verdict::Fired { amount, per_line, capped_by_floor: due.checked_sub(amount)? })
    }
}

/// Why the rule does not apply to these goods: its condition, or the amount its effect begins at.
fn unmet(rule: &Rule, facts: &Facts) -> Option<Verdict> {
    let beginning = rule.effect.begins_at();
    let beginning = beginning.map(|(path, amount)| (path.to_owned(), Condition::AmountAtLeast(amount)));
    let (path, condition) = match facts.unmet(&rule.condition, "condition") {
        Some((path, condition)) => (path, condition.clone()),
        None => beginning.filter(|(_, condition)| !facts.hold(condition))?,
    };
    Some(Verdict::ConditionNotMet { path, wanted: wanted(&condition), found: facts.found(&condition) })
}

enum Due {
    Amount(Money),
    Freight,
}

/// What the effect gives for goods worth `amount`.
fn due(effect: &Effect, amount: Money) -> Result<Due, MoneyError> {
    let due = match effect {
        Effect::Reduce { reduce } => reduce.0,
        Effect::Steps { steps } => {
            let reached = steps.iter().rfind(|step| step.from.0.minor() <= amount.minor());
            reached.map_or(Money::zero(amount.currency()), |step| step.reduce.0)
        }
        Effect::Every { every, reduce, at_most } => {
            let whole = reduce.0.times(amount.minor() / every.0.minor())?;
            at_most.map_or(whole, |most| lesser(whole, most.0))
        }
        Effect::Percent { percent_off, at_most } => {
            let share = percent_off.of(amount, Round::Down)?;
            at_most.map_or(share, |most| lesser(share, most.0))
        }
        Effect::FreeShipping { .. } => return Ok(Due::Freight),
    };
    Ok(Due::Amount(due))
}

fn lesser(one: Money, other: Money) -> Money {
    if one.minor() <= other.minor() { one } else { other }
}

/// Shares `due` out in proportion to what is `left` of each line, none getting more than its `room`. What does not fit
/// on one goes to the others; what fits on none is given up.
fn spread(due: Money, left: &[Money], room: &[Money]) -> Result<Vec<Money>, MoneyError> {
    let mut parts = vec![Money::zero(due.currency()); room.len()];
    let mut rest = due;
    loop {
        let open: Vec<usize> = (0..parts.len()).filter(|&i| parts[i].minor() < room[i].minor()).collect();
        if rest.minor() <= 0 || open.is_empty() {
            return Ok(parts);
        }
        let weights: Vec<u64> = open.iter().map(|&i| left[i].minor().unsigned_abs()).collect();
        for (i, share) in open.into_iter().zip(rest.split(&weights)) {
            let part = lesser(share, room[i].checked_sub(parts[i])?);
            parts[i] = parts[i].checked_add(part)?;
            rest = rest.checked_sub(part)?;
        }
    }
}

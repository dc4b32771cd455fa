//! What the parts of a rule mean together: an end that comes, a condition that can hold, a price that stays one.

use super::place::Faults;
use super::{Amount, Condition, Effect, Problem, RuleKind, Scope, Step};
use crate::money::Money;
use crate::time::{DAY, Timestamp};
use std::collections::BTreeSet;

const YEARS_MOST: i64 = 5;

pub(super) fn window(from: Option<Timestamp>, to: Option<Timestamp>, faults: &mut Faults) {
    let (Some(from), Some(to)) = (from, to) else { return };
    // Five years have two leap days at most.
    let latest = from.plus_micros((YEARS_MOST * 365 + 2) * DAY);
    if to <= from {
        faults.note("valid_to", Problem::EndsBeforeStart);
    } else if to > latest {
        faults.note("valid_to", Problem::TooLong { years: YEARS_MOST });
    }
}

pub(super) fn effect(
    effect: Option<&Effect>,
    kind: Option<RuleKind>,
    condition: Option<&Condition>,
    faults: &mut Faults,
) {
    let Some(effect) = effect else { return };
    if let Some(kind) = kind {
        fits(effect, kind, faults);
    }
    match effect {
        Effect::Reduce { reduce } => {
            if let Some(trigger) = condition.and_then(least_amount) {
                leaves_a_price(*reduce, trigger, "effect.reduce".to_owned(), faults);
            }
        }
        Effect::Every { every, reduce, at_most } => {
            leaves_a_price(*reduce, every.0, "effect.reduce".to_owned(), faults);
            if at_most.is_some_and(|most| most.0.minor() < reduce.0.minor()) {
                faults.note("effect.at_most", Problem::LimitTooLow { reduce: reduce.0 });
            }
        }
        Effect::Steps { steps } => rising(steps, faults),
        Effect::Percent { .. } | Effect::FreeShipping { .. } => {}
    }
}

fn fits(effect: &Effect, kind: RuleKind, faults: &mut Faults) {
    let fitting = match (kind, effect) {
        (RuleKind::Coupon, _)
        | (RuleKind::FullReduction, Effect::Reduce { .. } | Effect::Steps { .. } | Effect::Every { .. })
        | (RuleKind::Discount, Effect::Percent { .. })
        | (RuleKind::FreeShipping, Effect::FreeShipping { .. }) => return,
        (RuleKind::FullReduction, _) => "reduce, steps, every",
        (RuleKind::Discount, _) => "percent_off",
        (RuleKind::FreeShipping, _) => "free_shipping",
    };
    faults.note("effect", Problem::DoesNotFit { kind, fitting });
}

fn rising(steps: &[Step], faults: &mut Faults) {
    for (i, step) in steps.iter().enumerate() {
        leaves_a_price(step.reduce, step.from.0, format!("effect.steps[{i}].reduce"), faults);
    }
    for (i, pair) in steps.windows(2).enumerate() {
        let (before, step) = (pair[0], pair[1]);
        if step.from.0.minor() <= before.from.0.minor() || step.reduce.0.minor() <= before.reduce.0.minor() {
            faults.note(format!("effect.steps[{}]", i + 1), Problem::NotRising { before: before.from.0 });
        }
    }
}

fn leaves_a_price(reduce: Amount, trigger: Money, path: String, faults: &mut Faults) {
    if reduce.0.minor() >= trigger.minor() {
        faults.note(path, Problem::ReducesAll { reduce: reduce.0, trigger });
    }
}

/// The amount that has to be there for the condition to hold, however it comes to hold.
fn least_amount(condition: &Condition) -> Option<Money> {
    match condition {
        Condition::AmountAtLeast(amount) => Some(amount.0),
        Condition::All(parts) => parts.iter().filter_map(least_amount).max_by_key(|money| money.minor()),
        Condition::Any(parts) => {
            let each: Option<Vec<Money>> = parts.iter().map(least_amount).collect();
            each?.into_iter().min_by_key(|money| money.minor())
        }
        Condition::Not(inner) => match inner.as_ref() {
            Condition::AmountBelow(amount) => Some(amount.0),
            _ => None,
        },
        _ => None,
    }
}

/// Notes what can never hold. Claims are compared two by two: each fault names the two that exclude each other.
pub(super) fn contradictions(
    condition: Option<&Condition>,
    scope: Option<&Scope>,
    effect: Option<&Effect>,
    faults: &mut Faults,
) {
    let mut given = Vec::new();
    if let Some(Scope::User { levels, tags }) = scope
        && tags.is_empty()
    {
        let levels = levels.iter().map(ToString::to_string).collect();
        given.push(Claim { path: "scope.levels".to_owned(), fact: Fact::In(Property::Level, levels) });
    }
    if let Some((path, amount)) = effect.and_then(Effect::begins_at) {
        given.push(Claim { path: path.to_owned(), fact: Fact::AtLeast(Measure::Amount, amount.0.minor()) });
    }
    if let Some(condition) = condition {
        together(condition, "condition", &given, faults);
    }
}

#[derive(Clone)]
struct Claim<'a> {
    path: String,
    fact: Fact<'a>,
}

#[derive(Clone)]
enum Fact<'a> {
    AtLeast(Measure, i64),
    Below(Measure, i64),
    In(Property, BTreeSet<String>),
    NotIn(Property, BTreeSet<String>),
    Holds(&'a Condition),
    Fails(&'a Condition),
}

#[derive(Clone, Copy, PartialEq)]
enum Measure {
    Amount,
    Pieces,
}

#[derive(Clone, Copy, PartialEq)]
enum Property {
    Channel,
    Level,
    Tag,
}

/// Checks everything that has to hold at once, and then each choice inside it.
fn together(condition: &Condition, path: &str, outer: &[Claim], faults: &mut Faults) {
    let mut claims = outer.to_vec();
    collect(condition, path, Sense::Holds, &mut claims);
    for (i, claim) in claims.iter().enumerate().skip(outer.len()) {
        if let Some(other) = claims[..i].iter().find(|other| exclude(&other.fact, &claim.fact)) {
            faults.note(&claim.path, Problem::Contradicts { other: other.path.clone() });
        }
    }
    for claim in &claims[outer.len()..] {
        match claim.fact {
            Fact::Holds(Condition::Any(parts)) if parts.is_empty() => faults.note(&claim.path, Problem::NeverHolds),
            Fact::Holds(Condition::Any(parts)) => {
                for (i, part) in parts.iter().enumerate() {
                    together(part, &format!("{}[{i}]", claim.path), &claims, faults);
                }
            }
            // Where a failing `all` is wanted it may fail by itself; an empty one cannot.
            Fact::Fails(Condition::All(parts)) if parts.is_empty() => faults.note(&claim.path, Problem::NeverHolds),
            _ => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Sense {
    Holds,
    Fails,
}

fn collect<'a>(condition: &'a Condition, path: &str, sense: Sense, claims: &mut Vec<Claim<'a>>) {
    use Condition as C;
    let here = format!("{path}.{}", condition.name());
    let among = |of, names| if sense == Sense::Holds { Fact::In(of, names) } else { Fact::NotIn(of, names) };
    let fact = match (condition, sense) {
        (C::All(parts), Sense::Holds) if !parts.is_empty() => return collect_each(parts, &here, sense, claims),
        (C::Any(parts), Sense::Fails) => return collect_each(parts, &here, sense, claims),
        (C::Not(inner), Sense::Holds) => return collect(inner, &here, Sense::Fails, claims),
        (C::Not(inner), Sense::Fails) => return collect(inner, &here, Sense::Holds, claims),
        (C::AmountAtLeast(amount), Sense::Holds) | (C::AmountBelow(amount), Sense::Fails) => {
            Fact::AtLeast(Measure::Amount, amount.0.minor())
        }
        (C::AmountBelow(amount), Sense::Holds) | (C::AmountAtLeast(amount), Sense::Fails) => {
            Fact::Below(Measure::Amount, amount.0.minor())
        }
        (C::PiecesAtLeast(pieces), Sense::Holds) | (C::PiecesBelow(pieces), Sense::Fails) => {
            Fact::AtLeast(Measure::Pieces, i64::from(*pieces))
        }
        (C::PiecesBelow(pieces), Sense::Holds) | (C::PiecesAtLeast(pieces), Sense::Fails) => {
            Fact::Below(Measure::Pieces, i64::from(*pieces))
        }
        (C::ChannelIn(names), _) => among(Property::Channel, names.clone()),
        (C::LevelIn(levels), _) => among(Property::Level, levels.iter().map(ToString::to_string).collect()),
        (C::TagIn(names), _) => among(Property::Tag, names.clone()),
        (_, Sense::Holds) => Fact::Holds(condition),
        (_, Sense::Fails) => Fact::Fails(condition),
    };
    claims.push(Claim { path: here, fact });
}

fn collect_each<'a>(parts: &'a [Condition], path: &str, sense: Sense, claims: &mut Vec<Claim<'a>>) {
    for (i, part) in parts.iter().enumerate() {
        collect(part, &format!("{path}[{i}]"), sense, claims);
    }
}

fn exclude(one: &Fact, other: &Fact) -> bool {
    match (one, other) {
        (Fact::AtLeast(a, least), Fact::Below(b, bound)) | (Fact::Below(b, bound), Fact::AtLeast(a, least)) => {
            a == b && least >= bound
        }
        // A buyer has one level and comes through one channel, but may have many tags.
        (Fact::In(a, these), Fact::In(b, those)) => a == b && *a != Property::Tag && these.is_disjoint(those),
        (Fact::In(a, these), Fact::NotIn(b, none)) | (Fact::NotIn(b, none), Fact::In(a, these)) => {
            a == b && these.is_subset(none)
        }
        (Fact::Holds(a), Fact::Fails(b)) | (Fact::Fails(b), Fact::Holds(a)) => a == b,
        _ => false,
    }
}

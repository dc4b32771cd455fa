//! A place in the document, and what may stand there. Every getter notes what is wrong and returns nothing then, so
//! that all faults of a document are found.

use super::{Amount, Problem, RuleFault, Yes};
use crate::money::{Currency, Money};
use crate::time::{InvalidTime, Timestamp};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::str::FromStr;
use strum::VariantNames;

const CODE_CHARS_MOST: usize = 64;

/// Everything that was found wrong.
#[derive(Default)]
pub(super) struct Faults(pub(super) Vec<RuleFault>);

impl Faults {
    pub(super) fn note(&mut self, path: impl Into<String>, problem: impl Into<Problem>) {
        self.0.push(RuleFault { path: path.into(), problem: problem.into() });
    }
}

pub(super) struct At<'a> {
    pub(super) path: String,
    pub(super) value: &'a Value,
}

impl<'a> At<'a> {
    pub(super) fn path_of(&self, name: &str) -> String {
        let name = shorten(name);
        if self.path.is_empty() { name } else { format!("{}.{name}", self.path) }
    }

    /// What stands under that name; `null` is nothing.
    pub(super) fn field(&self, name: &str) -> Option<At<'a>> {
        let value = self.value.get(name).filter(|value| !value.is_null())?;
        Some(At { path: self.path_of(name), value })
    }
}

pub(super) struct Reader {
    pub(super) currency: Currency,
    pub(super) faults: Faults,
    pub(super) conditions: usize,
    /// How long a list may be.
    pub(super) items_most: usize,
}

impl Reader {
    /// An object with no other fields than these.
    pub(super) fn object(&mut self, at: &At, known: &[&str]) -> Option<()> {
        let fields = self.fields(at)?;
        for name in fields.keys().filter(|name| !known.contains(&name.as_str())) {
            self.faults.note(at.path_of(name), Problem::UnknownField { known: known.join(", ") });
        }
        Some(())
    }

    pub(super) fn fields<'a>(&mut self, at: &At<'a>) -> Option<&'a Map<String, Value>> {
        at.value.as_object().or_else(|| self.wrong(at, |found| Problem::NotObject { found }))
    }

    pub(super) fn need<'a, T>(
        &mut self,
        at: &At<'a>,
        name: &str,
        read: impl FnOnce(&mut Self, &At<'a>) -> Option<T>,
    ) -> Option<T> {
        match at.field(name) {
            Some(at) => read(self, &at),
            None => self.note(at.path_of(name), Problem::Missing),
        }
    }

    /// Nothing inside where nothing is given; nothing at all where what is given is wrong.
    pub(super) fn maybe<'a, T>(
        &mut self,
        at: &At<'a>,
        name: &str,
        read: impl FnOnce(&mut Self, &At<'a>) -> Option<T>,
    ) -> Option<Option<T>> {
        match at.field(name) {
            Some(at) => read(self, &at).map(Some),
            None => Some(None),
        }
    }

    /// An object with exactly one field, whose name says what it is.
    pub(super) fn form<'a, F: FromStr + VariantNames>(&mut self, at: &At<'a>) -> Option<(F, At<'a>)> {
        self.object(at, F::VARIANTS)?;
        let mut given = F::VARIANTS.iter().filter_map(|name| Some((F::from_str(name).ok()?, at.field(name)?)));
        match (given.next(), given.next()) {
            (Some(form), None) => Some(form),
            _ => self.note(&at.path, Problem::NotOneForm { known: F::VARIANTS.join(", ") }),
        }
    }

    /// The items as they are read, faulty ones as nothing in their place.
    pub(super) fn list<T>(
        &mut self,
        at: &At,
        mut read: impl FnMut(&mut Self, &At) -> Option<T>,
    ) -> Option<Vec<Option<T>>> {
        let Some(items) = at.value.as_array() else { return self.wrong(at, |found| Problem::NotList { found }) };
        if items.len() > self.items_most {
            return self.note(&at.path, Problem::TooManyItems { most: self.items_most });
        }
        let place = |i| format!("{}[{i}]", at.path);
        Some(items.iter().enumerate().map(|(i, value)| read(self, &At { path: place(i), value })).collect())
    }

    /// A list that names something, and nothing twice.
    pub(super) fn set<T: Ord>(&mut self, at: &At, read: impl Fn(&mut Self, &At) -> Option<T>) -> Option<BTreeSet<T>> {
        let items = self.list(at, read)?;
        if items.is_empty() {
            return self.note(&at.path, Problem::EmptyList);
        }
        let is_whole = items.iter().all(Option::is_some);
        let mut set = BTreeSet::new();
        for (i, item) in items.into_iter().enumerate() {
            if item.is_some_and(|item| !set.insert(item)) {
                self.faults.note(format!("{}[{i}]", at.path), Problem::GivenTwice);
            }
        }
        is_whole.then_some(set)
    }

    pub(super) fn codes(&mut self, at: &At) -> Option<BTreeSet<String>> {
        self.set(at, Self::code)
    }

    pub(super) fn code(&mut self, at: &At) -> Option<String> {
        self.text(at, CODE_CHARS_MOST)
    }

    pub(super) fn text(&mut self, at: &At, chars_most: usize) -> Option<String> {
        let text = self.raw_text(at)?;
        let is_clean = !text.is_empty() && text.trim() == text && !text.chars().any(char::is_control);
        if is_clean && text.chars().count() <= chars_most {
            return Some(text.to_owned());
        }
        self.note(&at.path, Problem::BadText { most: chars_most })
    }

    /// One of a closed list of words.
    pub(super) fn word<W: FromStr>(&mut self, at: &At, known: impl FnOnce() -> String) -> Option<W> {
        let text = self.raw_text(at)?;
        let unknown = || Problem::NotOneOf { found: shorten(text), known: known() };
        text.parse().map_err(|_| self.faults.note(&at.path, unknown())).ok()
    }

    pub(super) fn rule_id(&mut self, at: &At) -> Option<String> {
        let text = self.raw_text(at)?;
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if (3..=64).contains(&text.len()) && text.split('-').all(is_word) {
            return Some(text.to_owned());
        }
        self.note(&at.path, Problem::NotAnId)
    }

    pub(super) fn amount(&mut self, at: &At) -> Option<Amount> {
        match Money::parse(self.raw_text(at)?, self.currency) {
            Ok(money) if money.minor() > 0 => Some(Amount(money)),
            Ok(_) => self.note(&at.path, Problem::NotPositive),
            Err(error) => self.note(&at.path, error),
        }
    }

    pub(super) fn time(&mut self, at: &At) -> Option<Timestamp> {
        self.raw_text(at)?.parse().map_err(|error: InvalidTime| self.faults.note(&at.path, error)).ok()
    }

    pub(super) fn whole(&mut self, at: &At, range: RangeInclusive<u32>) -> Option<u32> {
        let Some(number) = at.value.as_number().and_then(serde_json::Number::as_i128) else {
            return self.wrong(at, |found| Problem::NotWhole { found });
        };
        let fitting = u32::try_from(number).ok().filter(|number| range.contains(number));
        let out_of_range = Problem::OutOfRange { least: *range.start(), most: *range.end() };
        fitting.or_else(|| self.note(&at.path, out_of_range))
    }

    pub(super) fn yes_or_no(&mut self, at: &At) -> Option<bool> {
        at.value.as_bool().or_else(|| self.wrong(at, |found| Problem::NotYesOrNo { found }))
    }

    pub(super) fn yes(&mut self, at: &At) -> Option<Yes> {
        if at.value == &Value::Bool(true) { Some(Yes) } else { self.note(&at.path, Problem::NotTrue) }
    }

    fn raw_text<'a>(&mut self, at: &At<'a>) -> Option<&'a str> {
        at.value.as_str().or_else(|| self.wrong(at, |found| Problem::NotText { found }))
    }

    fn wrong<T>(&mut self, at: &At, problem: fn(String) -> Problem) -> Option<T> {
        self.note(&at.path, problem(shorten(&at.value.to_string())))
    }

    /// Notes the fault, and that nothing was read.
    pub(super) fn note<T>(&mut self, path: impl Into<String>, problem: impl Into<Problem>) -> Option<T> {
        self.faults.note(path, problem);
        None
    }
}

pub(super) fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

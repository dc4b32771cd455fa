//! Reading cells into what they mean, and keeping a list of those that mean nothing.

use super::table::{RawRow, Table};
use super::{BadRow, RowFault};
use crate::catalog::Labels;
use crate::money::{Currency, Money};
use crate::time::Timestamp;
use std::collections::BTreeSet;
use std::str::FromStr;

/// Everything that was found wrong, row by row.
pub(super) struct Faults {
    list: Vec<BadRow>,
    lines: BTreeSet<u64>,
}

impl Faults {
    pub(super) fn new(table: &Table) -> Self {
        let mut faults = Self { list: Vec::new(), lines: BTreeSet::new() };
        for (line, reason) in &table.broken {
            faults.add(*line, "", reason.clone());
        }
        faults
    }

    pub(super) fn add(&mut self, line: u64, field: &str, fault: RowFault) {
        self.lines.insert(line);
        self.list.push(BadRow { line, field: field.to_owned(), fault });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    pub(super) fn has(&self, line: u64) -> bool {
        self.lines.contains(&line)
    }

    pub(super) fn into_list(mut self) -> Vec<BadRow> {
        self.list.sort_by(|a, b| (a.line, &a.field).cmp(&(b.line, &b.field)));
        self.list
    }
}

/// One row being read. Every getter notes what is wrong and returns nothing then, so that all faults of a row are found.
pub(super) struct Reader<'a> {
    row: &'a RawRow,
    faults: &'a mut Faults,
}

impl<'a> Reader<'a> {
    pub(super) fn new(row: &'a RawRow, faults: &'a mut Faults) -> Self {
        Self { row, faults }
    }

    fn cell(&self, field: &str) -> &'a str {
        self.row.cells.get(field).map_or("", String::as_str)
    }

    pub(super) fn bad(&mut self, field: &str, fault: RowFault) {
        self.faults.add(self.row.line, field, fault);
    }

    /// A text that has to be there, of at most so many characters.
    pub(super) fn needed(&mut self, field: &str, most: usize) -> Option<String> {
        let text = self.text(field, most)?;
        if text.is_empty() {
            self.bad(field, RowFault::Empty);
            return None;
        }
        Some(text)
    }

    pub(super) fn text(&mut self, field: &str, most: usize) -> Option<String> {
        let text = self.cell(field);
        if text.chars().count() > most {
            self.bad(field, RowFault::TooLong { most });
            return None;
        }
        if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
            self.bad(field, RowFault::ControlCharacters);
            return None;
        }
        Some(text.to_owned())
    }

    /// A code: what a merchant calls something. Letters of any script, digits and `-_./`.
    pub(super) fn code(&mut self, field: &str) -> Option<String> {
        let code = self.needed(field, 64)?;
        if code.chars().all(|c| c.is_alphanumeric() || "-_./+".contains(c)) {
            return Some(code);
        }
        self.bad(field, RowFault::NotACode);
        None
    }

    pub(super) fn money(&mut self, field: &str, currency: Currency) -> Option<Money> {
        let text = self.cell(field);
        if text.is_empty() {
            return Some(Money::zero(currency));
        }
        match Money::parse(text, currency) {
            Ok(amount) if amount.is_negative() => {
                self.bad(field, RowFault::Negative);
                None
            }
            Ok(amount) => Some(amount),
            Err(error) => {
                self.bad(field, error.into());
                None
            }
        }
    }

    /// A whole number; `otherwise` where the cell is empty.
    pub(super) fn number<N: FromStr>(&mut self, field: &str, otherwise: N) -> Option<N> {
        let text = self.cell(field);
        if text.is_empty() {
            return Some(otherwise);
        }
        match text.parse() {
            Ok(number) => Some(number),
            Err(_) => {
                self.bad(field, RowFault::NotANumber { text: shorten(text) });
                None
            }
        }
    }

    /// One of a closed list of words; `otherwise` where the cell is empty.
    pub(super) fn word<W: FromStr>(&mut self, field: &str, otherwise: Option<W>, known: &'static str) -> Option<W> {
        let text = self.cell(field);
        match (text.is_empty(), otherwise) {
            (true, Some(word)) => Some(word),
            (true, None) => {
                self.bad(field, RowFault::NotOneOf { text: String::new(), known });
                None
            }
            (false, _) => match text.parse() {
                Ok(word) => Some(word),
                Err(_) => {
                    self.bad(field, RowFault::NotOneOf { text: shorten(text), known });
                    None
                }
            },
        }
    }

    pub(super) fn time(&mut self, field: &str, otherwise: Option<Timestamp>) -> Option<Timestamp> {
        let text = self.cell(field);
        if let (true, Some(time)) = (text.is_empty(), otherwise) {
            return Some(time);
        }
        match text.parse() {
            Ok(time) => Some(time),
            Err(error) => {
                self.bad(field, error.into());
                None
            }
        }
    }

    /// `产地=五常;等级=一级`, or a JSON object where a value holds `;` or `=` itself.
    pub(super) fn labels(&mut self, field: &str) -> Option<Labels> {
        let text = self.text(field, 4_000)?;
        if text.starts_with('{') {
            return match serde_json::from_str(&text) {
                Ok(labels) => Some(labels),
                Err(_) => {
                    self.bad(field, RowFault::NotLabels);
                    None
                }
            };
        }
        let mut labels = Labels::new();
        for pair in text.split(';').filter(|pair| !pair.trim().is_empty()) {
            match pair.split_once('=') {
                Some((key, value)) if !key.trim().is_empty() && !labels.contains_key(key.trim()) => {
                    drop(labels.insert(key.trim().into(), value.trim().into()))
                }
                _ => {
                    self.bad(field, RowFault::NotLabels);
                    return None;
                }
            }
        }
        Some(labels)
    }
}

/// As much of a cell as a message needs.
fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The opposite of [`Reader::labels`].
pub(super) fn write_labels(labels: &Labels) -> String {
    let is_plain = |text: &str| !text.contains([';', '=']) && text.trim() == text;
    if labels.iter().all(|(key, value)| is_plain(key) && is_plain(value)) {
        return labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(";");
    }
    serde_json::to_string(labels).unwrap_or_default()
}

//! A statement file as rows: all of them, or a list of what is wrong.

use super::{AmountUnit, Charset, RefundSign, StatementFormat, TimeFormat};
use super::{RowFault, RowKind, RowProblem, StatementError, StatementRow};
use crate::money::{Currency, Money, MoneyError};
use crate::time::{MINUTE, Timestamp};
use std::borrow::Cow;
use std::collections::HashMap;

/// Beyond these a list helps nobody.
const MOST_FAULTS_LISTED: usize = 50;
const LONGEST_NUMBER: usize = 128;

/// All rows of a statement, or what is wrong with it. A heading without rows is a day without trade.
pub fn read_statement(bytes: &[u8], format: &StatementFormat) -> Result<Vec<StatementRow>, StatementError> {
    format.check()?;
    let (table, lines) = table_of(&decode(bytes, format.encoding)?, format);
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(u8::try_from(format.delimiter).unwrap_or(b','))
        .has_headers(false)
        .flexible(true)
        .from_reader(table.as_bytes());
    // Text in memory, records of any length: there is nothing such a read could fail at.
    let mut records = reader.records().map_while(Result::ok);
    let heading = records.next().ok_or(StatementError::Empty)?;
    let columns = find_columns(&heading, format)?;
    let (mut rows, mut faults) = (Vec::with_capacity(lines.len()), Faults { listed: Vec::new(), total: 0 });
    for record in records {
        let at = record.position().map_or(1, csv::Position::line);
        let line = usize::try_from(at - 1).ok().and_then(|at| lines.get(at).copied()).unwrap_or_default();
        rows.extend(RowReader { format, columns: &columns, record: &record, line, faults: &mut faults }.row());
    }
    match faults.total {
        0 => Ok(rows),
        total => Err(StatementError::Rows { listed: faults.listed, total }),
    }
}

fn decode(bytes: &[u8], charset: Charset) -> Result<Cow<'_, str>, StatementError> {
    use encoding_rs::{Encoding, GB18030, UTF_8};
    let (encoding, bytes) = match (charset, Encoding::for_bom(bytes)) {
        (Charset::Auto, Some((encoding, mark))) => (encoding, &bytes[mark..]),
        (Charset::Auto, None) if std::str::from_utf8(bytes).is_ok() => (UTF_8, bytes),
        (Charset::Utf8, _) => (UTF_8, bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)),
        // Every GBK text is a GB18030 text.
        (Charset::Gbk | Charset::Auto, _) => (GB18030, bytes),
    };
    encoding.decode_without_bom_handling_and_without_replacement(bytes).ok_or_else(|| {
        let (text, _) = encoding.decode_without_bom_handling(bytes);
        let line = 1 + text.chars().take_while(|c| *c != char::REPLACEMENT_CHARACTER).filter(|c| *c == '\n').count();
        StatementError::Encoding { charset: encoding.name(), line }
    })
}

/// The heading and the rows alone, and for each line of them which line of the file it was.
fn table_of(text: &str, format: &StatementFormat) -> (String, Vec<u32>) {
    let begins = |line: &str, with: &Option<String>| {
        with.as_deref().is_some_and(|prefix| !prefix.is_empty() && line.starts_with(prefix))
    };
    let says_nothing = |line: &str| line.chars().all(|c| c == format.delimiter || c.is_whitespace());
    let (mut table, mut lines) = (String::with_capacity(text.len()), Vec::new());
    for (number, line) in (1..).zip(text.lines()).skip(format.skip_rows) {
        if begins(line, &format.footer) {
            break;
        }
        if !says_nothing(line) && !begins(line, &format.comment) {
            table.push_str(line);
            table.push('\n');
            lines.push(number);
        }
    }
    (table, lines)
}

/// A cell without the backtick or tab that keeps spreadsheets from rewriting its number.
fn plain(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('`').map_or(cell, str::trim_start)
}

/// How far a record goes, empty cells at its end aside: some channels end every line with a delimiter.
fn width(record: &csv::StringRecord) -> usize {
    record.iter().enumerate().filter(|(_, cell)| !plain(cell).is_empty()).last().map_or(0, |(last, _)| last + 1)
}

/// As much of a cell as a message needs.
fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Which columns the heading has, and where.
struct Columns<'a> {
    places: HashMap<&'a str, usize>,
    width: usize,
}

fn find_columns<'a>(heading: &'a csv::StringRecord, format: &StatementFormat) -> Result<Columns<'a>, StatementError> {
    let names = || heading.iter().map(plain).filter(|name| !name.is_empty());
    let missing: Vec<_> =
        format.columns.all().filter(|wanted| !names().any(|name| name == *wanted)).map(str::to_owned).collect();
    if !missing.is_empty() {
        return Err(StatementError::MissingColumns { missing, found: names().take(50).map(shorten).collect() });
    }
    if let Some(column) = format.columns.all().find(|wanted| names().filter(|name| name == wanted).count() > 1) {
        return Err(StatementError::DoubleColumn { column: column.to_owned() });
    }
    Ok(Columns { places: heading.iter().map(plain).zip(0..).collect(), width: width(heading) })
}

struct Faults {
    listed: Vec<RowFault>,
    total: usize,
}

/// One row being read. Every getter notes what is wrong and returns nothing then, so that all faults of a row are found.
struct RowReader<'a> {
    format: &'a StatementFormat,
    columns: &'a Columns<'a>,
    record: &'a csv::StringRecord,
    line: u32,
    faults: &'a mut Faults,
}

impl<'a> RowReader<'a> {
    fn row(mut self) -> Option<StatementRow> {
        let columns = &self.format.columns;
        self.shape()?;
        let our_no = self.number(&columns.our_no);
        let channel_no = self.number(&columns.channel_no);
        let reference = columns.reference.as_ref().map_or(Some(String::new()), |column| self.number(column));
        let (kind, at, currency) = (self.kind(), self.time(), self.currency());
        let amount = currency.and_then(|currency| self.money(&columns.amount, currency));
        let amount = kind.zip(amount).and_then(|(kind, amount)| self.well_signed(kind, amount));
        let fee = currency.and_then(|currency| self.fee(currency));
        let (our_no, channel_no, kind) = (our_no?, channel_no?, kind?);
        if our_no.is_empty() && channel_no.is_empty() && kind != RowKind::Adjustment {
            return self.keep(&columns.our_no, Err(RowProblem::NoNumber));
        }
        let (reference, amount, fee, at) = (reference?, amount?, fee?, at?);
        Some(StatementRow { line: self.line, kind, our_no, channel_no, reference, amount, fee, at })
    }

    fn keep<T>(&mut self, column: &str, read: Result<T, RowProblem>) -> Option<T> {
        let problem = match read {
            Ok(value) => return Some(value),
            Err(problem) => problem,
        };
        self.faults.total += 1;
        if self.faults.listed.len() < MOST_FAULTS_LISTED {
            self.faults.listed.push(RowFault { line: self.line, column: column.to_owned(), problem });
        }
        None
    }

    /// A row that lost or won a cell means something else in every column after it.
    fn shape(&mut self) -> Option<()> {
        let (have, want) = (self.record.len(), self.columns.width);
        let shape = if self.record.iter().any(|cell| cell.contains('\n')) {
            // An open quote would swallow the rows after it without a word.
            Err(RowProblem::OpenQuote)
        } else if have < want || width(self.record) > want {
            Err(RowProblem::CellCount { have, want })
        } else {
            Ok(())
        };
        self.keep("", shape)
    }

    fn cell(&self, column: &str) -> &'a str {
        self.columns.places.get(column).and_then(|place| self.record.get(*place)).map_or("", plain)
    }

    fn needed(&mut self, column: &str) -> Option<&'a str> {
        let text = self.cell(column);
        self.keep(column, if text.is_empty() { Err(RowProblem::Empty) } else { Ok(text) })
    }

    fn number(&mut self, column: &str) -> Option<String> {
        let text = self.cell(column);
        let number = if text.chars().any(char::is_control) {
            Err(RowProblem::ControlCharacters)
        } else if text.chars().count() > LONGEST_NUMBER {
            Err(RowProblem::TooLong { most: LONGEST_NUMBER })
        } else {
            Ok(text.to_owned())
        };
        self.keep(column, number)
    }

    fn kind(&mut self) -> Option<RowKind> {
        let kinds = &self.format.kinds;
        let text = self.needed(&self.format.columns.kind)?;
        let unknown = || RowProblem::UnknownKind {
            text: shorten(text),
            known: kinds.keys().map(String::as_str).collect::<Vec<_>>().join(", "),
        };
        self.keep(&self.format.columns.kind, kinds.get(text).copied().ok_or_else(unknown))
    }

    fn currency(&mut self) -> Option<Currency> {
        let named = self.format.columns.currency.as_deref().filter(|column| !self.cell(column).is_empty());
        match (named, self.format.default_currency, &self.format.columns.currency) {
            (Some(column), _, _) => self.keep(column, self.cell(column).parse().map_err(RowProblem::Money)),
            (None, Some(currency), _) => Some(currency),
            (None, None, column) => self.keep(column.as_deref().unwrap_or_default(), Err(RowProblem::Empty)),
        }
    }

    fn fee(&mut self, currency: Currency) -> Option<Money> {
        match &self.format.columns.fee {
            Some(column) if !self.cell(column).is_empty() => self.money(column, currency),
            _ => Some(Money::zero(currency)),
        }
    }

    fn money(&mut self, column: &str, currency: Currency) -> Option<Money> {
        let text = self.needed(column)?;
        let money = match self.format.amount_unit {
            AmountUnit::Major => major(text, currency).map_err(RowProblem::Money),
            AmountUnit::Minor => minor(text, currency),
        };
        self.keep(column, money)
    }

    fn well_signed(&mut self, kind: RowKind, amount: Money) -> Option<Money> {
        let unsigned = match (kind, self.format.refund_sign) {
            (RowKind::Adjustment, _) => return Some(amount),
            (RowKind::Refund, RefundSign::Negative) => amount.negate().ok(),
            _ => Some(amount),
        };
        let unsigned = unsigned.filter(|unsigned| !unsigned.is_negative()).ok_or(RowProblem::WrongSign { amount });
        self.keep(&self.format.columns.amount, unsigned)
    }

    fn time(&mut self) -> Option<Timestamp> {
        let column = &self.format.columns.time;
        let text = self.needed(column)?;
        let time = match self.format.time_format {
            TimeFormat::Rfc3339 => text.parse().map_err(RowProblem::Time),
            TimeFormat::Local => local_time(text, self.format.utc_offset_minutes.unwrap_or_default())
                .ok_or_else(|| RowProblem::NotLocalTime { text: shorten(text) }),
        };
        self.keep(column, time)
    }
}

/// `1,234.50`, and zeros beyond the currency's decimals: `0.06000`. Neither changes the amount.
fn major(text: &str, currency: Currency) -> Result<Money, MoneyError> {
    let digits = without_thousands(text).ok_or_else(|| MoneyError::NotANumber(shorten(text)))?;
    let places = usize::from(currency.exponent());
    match digits.split_once('.') {
        Some((whole, fraction)) if fraction.len() > places && fraction.trim_end_matches('0').len() <= places => {
            Money::parse(format!("{whole}.{}", &fraction[..places]).trim_end_matches('.'), currency)
        }
        _ => Money::parse(&digits, currency),
    }
}

fn minor(text: &str, currency: Currency) -> Result<Money, RowProblem> {
    let units = without_thousands(text).and_then(|digits| digits.parse().ok());
    let units = units.ok_or_else(|| RowProblem::NotMinorUnits { text: shorten(text) })?;
    Ok(Money::from_minor(units, currency))
}

/// Nothing unless each comma parts three digits: `12,34` is twelve and a bit to some.
fn without_thousands(text: &str) -> Option<Cow<'_, str>> {
    let (whole, fraction) = text.split_at(text.find('.').unwrap_or(text.len()));
    let Some((first, groups)) = whole.split_once(',') else { return Some(text.into()) };
    let is_parted_well = (1..=3).contains(&first.trim_start_matches('-').len())
        && groups.split(',').all(|group| group.len() == 3 && group.bytes().all(|b| b.is_ascii_digit()));
    is_parted_well.then(|| format!("{}{fraction}", whole.replace(',', "")).into())
}

fn local_time(text: &str, utc_offset_minutes: i32) -> Option<Timestamp> {
    let local = jiff::civil::DateTime::strptime("%Y-%m-%d %H:%M:%S", text).ok()?;
    let as_utc = jiff::tz::Offset::UTC.to_timestamp(local).ok()?.as_microsecond();
    Some(Timestamp::from_micros(as_utc - i64::from(utc_offset_minutes) * MINUTE))
}

//! CSV and JSON lines as one thing: rows of named texts, each with its line.

use super::RowFault;
use crate::error::{Code, Failure, Kind};
use std::collections::BTreeMap;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Csv,
    Jsonl,
}

impl FromStr for Format {
    type Err = FileFault;

    /// By the name of the file.
    fn from_str(name: &str) -> Result<Self, FileFault> {
        match name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).as_deref() {
            Some("csv") => Ok(Self::Csv),
            Some("jsonl" | "ndjson") => Ok(Self::Jsonl),
            _ => Err(FileFault::UnknownFormat),
        }
    }
}

/// What is wrong with a file as a whole.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FileFault {
    #[error("the file's name must end in .csv or .jsonl")]
    UnknownFormat,
    #[error("line {line} is not UTF-8; save the file as UTF-8 (a spreadsheet in Chinese often saves GBK)")]
    NotUtf8 { line: u64 },
    #[error("line {line} is longer than {most} bytes; is a quote left open?")]
    LineTooLong { line: u64, most: usize },
    #[error("the file is empty; the first line of a CSV file names its columns")]
    Empty,
    #[error("the column {column} is missing; the columns are {known}")]
    MissingColumn { column: String, known: String },
    #[error("there is no column {column:?}; the columns are {known}")]
    UnknownColumn { column: String, known: String },
    #[error("the column {column} is there twice")]
    DoubleColumn { column: String },
    #[error("the file cannot be read as CSV: {reason}")]
    Malformed { reason: String },
}

impl Failure for FileFault {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn code(&self) -> Code {
        Code::UnreadableFile
    }

    fn zh(&self) -> String {
        match self {
            Self::UnknownFormat => "文件名必须以 .csv 或 .jsonl 结尾".to_owned(),
            Self::NotUtf8 { line } => format!("第 {line} 行不是 UTF-8 编码，请另存为 UTF-8（中文表格软件常存为 GBK）"),
            Self::LineTooLong { line, most } => format!("第 {line} 行超过 {most} 字节，是否有未闭合的引号？"),
            Self::Empty => "文件为空；CSV 文件第一行应为列名".to_owned(),
            Self::MissingColumn { column, known } => format!("缺少列 {column}；可用的列：{known}"),
            Self::UnknownColumn { column, known } => format!("没有列 {column:?}；可用的列：{known}"),
            Self::DoubleColumn { column } => format!("列 {column} 重复"),
            Self::Malformed { reason } => format!("无法按 CSV 读取：{reason}"),
        }
    }
}

/// A text beyond this is a mistake, and would be in memory several times over.
const LONGEST_LINE: usize = 1 << 20;

#[derive(Clone, Copy)]
pub(super) struct Columns {
    pub(super) needed: &'static str,
    pub(super) optional: &'static str,
}

impl Columns {
    pub(super) fn all(self) -> impl Iterator<Item = &'static str> {
        self.needed.split(',').chain(self.optional.split(',')).filter(|name| !name.is_empty())
    }

    fn check(self, heading: &[String]) -> Result<(), FileFault> {
        let known = || self.all().collect::<Vec<_>>().join(", ");
        if let Some(column) = self.needed.split(',').find(|column| !heading.iter().any(|have| have == column)) {
            return Err(FileFault::MissingColumn { column: column.to_owned(), known: known() });
        }
        for (i, column) in heading.iter().enumerate() {
            if !self.all().any(|name| name == column) {
                return Err(FileFault::UnknownColumn { column: column.chars().take(40).collect(), known: known() });
            }
            if heading[..i].contains(column) {
                return Err(FileFault::DoubleColumn { column: column.clone() });
            }
        }
        Ok(())
    }
}

pub(super) struct Table {
    pub(super) rows: Vec<RawRow>,
    /// Rows that are not even rows.
    pub(super) broken: Vec<(u64, RowFault)>,
}

pub(super) struct RawRow {
    pub(super) line: u64,
    pub(super) cells: BTreeMap<String, String>,
}

impl Table {
    pub(super) fn read(format: Format, bytes: &[u8], columns: Columns) -> Result<Self, FileFault> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if text.len() > LONGEST_LINE {
                return Err(FileFault::LineTooLong { line, most: LONGEST_LINE });
            }
            if std::str::from_utf8(text).is_err() {
                return Err(FileFault::NotUtf8 { line });
            }
        }
        match format {
            Format::Csv => Self::read_csv(bytes, columns),
            Format::Jsonl => Self::read_jsonl(bytes, columns),
        }
    }

    fn read_csv(bytes: &[u8], columns: Columns) -> Result<Self, FileFault> {
        let malformed = |error: csv::Error| FileFault::Malformed { reason: error.to_string() };
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(bytes);
        let heading: Vec<String> = reader.headers().map_err(malformed)?.iter().map(str::to_owned).collect();
        if heading.iter().all(String::is_empty) {
            return Err(FileFault::Empty);
        }
        columns.check(&heading)?;
        let mut table = Self { rows: Vec::new(), broken: Vec::new() };
        let lines = Lines::of(bytes);
        for record in reader.records() {
            let record = record.map_err(malformed)?;
            let line = record.position().map_or(0, |position| lines.at(position.byte()));
            if record.len() != heading.len() {
                table.broken.push((line, RowFault::CellCount { have: record.len(), want: heading.len() }));
                continue;
            }
            let cells = heading.iter().cloned().zip(record.iter().map(str::to_owned)).collect();
            table.rows.push(RawRow { line, cells });
        }
        Ok(table)
    }

    fn read_jsonl(bytes: &[u8], columns: Columns) -> Result<Self, FileFault> {
        let mut table = Self { rows: Vec::new(), broken: Vec::new() };
        for (line, text) in (1..).zip(bytes.split(|byte| *byte == b'\n')) {
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            match serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(text) {
                Ok(object) => {
                    if let Some(column) = object.keys().find(|key| !columns.all().any(|name| name == *key)) {
                        table.broken.push((line, RowFault::UnknownField { name: column.clone() }));
                        continue;
                    }
                    let cells = object.into_iter().map(|(key, value)| (key, plain(value))).collect();
                    table.rows.push(RawRow { line, cells });
                }
                Err(error) => table.broken.push((line, RowFault::NotJson { why: error.to_string() })),
            }
        }
        if table.rows.is_empty() && table.broken.is_empty() { Err(FileFault::Empty) } else { Ok(table) }
    }
}

/// The lines of a file as an editor counts them. The reader's own count is one short after `\r\n` and after blank lines.
struct Lines<'a> {
    bytes: &'a [u8],
    ends: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
        Self { bytes, ends }
    }

    /// The line of the record that begins at or after `byte`.
    fn at(&self, byte: u64) -> u64 {
        let from = usize::try_from(byte).unwrap_or(usize::MAX).min(self.bytes.len());
        let blanks = self.bytes[from..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.ends.partition_point(|end| *end < from + blanks) as u64 + 1
    }
}

/// A JSON value as it would stand in a CSV cell.
fn plain(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

pub(super) type Cells = Vec<String>;

/// Rows, in the order of the columns, as a file.
pub(super) fn write(format: Format, columns: Columns, rows: &[Cells]) -> String {
    let names: Vec<&str> = columns.all().collect();
    match format {
        Format::Csv => {
            let mut writer = csv::Writer::from_writer(Vec::new());
            // Writing to memory cannot fail, and every row has all columns.
            let written =
                writer.write_record(&names).and_then(|()| rows.iter().try_for_each(|row| writer.write_record(row)));
            debug_assert!(written.is_ok(), "{written:?}");
            String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
        }
        Format::Jsonl => rows
            .iter()
            .map(|row| {
                let object: serde_json::Map<_, _> = names
                    .iter()
                    .map(|name| (*name).to_owned())
                    .zip(row.iter().map(|cell| cell.clone().into()))
                    .collect();
                format!("{}\n", serde_json::Value::Object(object))
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: Columns = Columns { needed: "a,b", optional: "" };

    #[test]
    fn rows_have_the_lines_an_editor_shows() {
        for (text, expected) in [
            ("a,b\n1,2\n3,4\n", vec![2, 3]),
            ("a,b\r\n1,2\r\n3,4\r\n", vec![2, 3]),
            ("a,b\n\n1,2\n\n\n3,4\n", vec![3, 6]),
            ("a,b\r\n\"1\r\n1\",2\r\n\r\n3,4", vec![2, 5]),
        ] {
            let table = Table::read(Format::Csv, text.as_bytes(), COLUMNS).unwrap();
            assert_eq!(table.rows.iter().map(|row| row.line).collect::<Vec<_>>(), expected, "{text:?}");
        }
    }
}

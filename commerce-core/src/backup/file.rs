//! The file of a backup: a head, the tables with their rows, and an end that fits nothing else. One line each:
//!
//! ```text
//! {"zhanggui_backup":1,"schema":12,"made_at":"2026-11-21T08:00:00Z","database":"sqlite","tenants":1}
//! {"table":"tenant","columns":["id","code","name","currency","settings","created_at"]}
//! ["ten_…","demo","…","CNY","{…}",1795000000000000]
//! {"rows":{"tenant":1},"sha256":"…"}
//! ```

use super::{BackupError, Contents, Damage};
use crate::ledger::hex;
use crate::store::{Dialect, Store};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};

/// How the file is written. Files of another format are those of a newer program.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Head {
    zhanggui_backup: u32,
    schema: i64,
    made_at: Timestamp,
    database: Dialect,
    tenants: u64,
}

/// Begins a table: whose rows follow, and what their cells are.
#[derive(PartialEq, Serialize, Deserialize)]
pub(super) struct TableHead {
    pub(super) table: String,
    pub(super) columns: Vec<String>,
}

#[derive(Serialize)]
struct End<'a> {
    rows: &'a BTreeMap<String, u64>,
    /// Of every byte before this line.
    sha256: String,
}

/// What has gone by, on the way into a file or out of it.
struct Tally {
    contents: Contents,
    table: String,
    hash: Sha256,
}

impl Tally {
    fn begin(contents: Contents, line: &str) -> Self {
        let mut tally = Self { contents, table: String::new(), hash: Sha256::new() };
        tally.line(line);
        tally
    }

    fn table(&mut self, head: &TableHead, line: &str) {
        self.contents.rows.insert(head.table.clone(), 0);
        self.table.clone_from(&head.table);
        self.line(line);
    }

    fn row(&mut self, line: &str) -> Result<(), Damage> {
        // No row comes before its table.
        *self.contents.rows.get_mut(&self.table).ok_or(Damage::Altered)? += 1;
        self.line(line);
        Ok(())
    }

    fn line(&mut self, line: &str) {
        self.hash.update(line);
        self.hash.update("\n");
    }

    fn end(&self) -> String {
        as_line(&End { rows: &self.contents.rows, sha256: hex(&self.hash.clone().finalize()) })
    }
}

fn as_line(value: &impl Serialize) -> String {
    // Structs with string keys cannot fail to serialise.
    serde_json::to_string(value).expect("a line serialises")
}

pub(super) struct Writer<W> {
    to: W,
    tally: Tally,
}

impl<W: Write> Writer<W> {
    pub(super) fn begin(mut to: W, contents: Contents) -> Result<Self, BackupError> {
        let Contents { schema, made_at, database, tenants, .. } = contents;
        let line = as_line(&Head { zhanggui_backup: FORMAT, schema, made_at, database, tenants });
        write_line(&mut to, &line)?;
        Ok(Self { to, tally: Tally::begin(contents, &line) })
    }

    pub(super) fn table(&mut self, head: &TableHead) -> Result<(), BackupError> {
        let line = as_line(head);
        self.tally.table(head, &line);
        write_line(&mut self.to, &line)
    }

    pub(super) fn row(&mut self, line: &str) -> Result<(), BackupError> {
        self.tally.row(line)?;
        write_line(&mut self.to, line)
    }

    pub(super) fn end(mut self) -> Result<Contents, BackupError> {
        write_line(&mut self.to, &self.tally.end())?;
        self.to.flush()?;
        Ok(self.tally.contents)
    }
}

fn write_line(to: &mut impl Write, line: &str) -> Result<(), BackupError> {
    to.write_all(line.as_bytes())?;
    Ok(to.write_all(b"\n")?)
}

pub(super) struct Reader<R> {
    from: R,
    tally: Tally,
}

/// What comes next in a backup. Nothing of it is to be believed before its end has come.
pub(super) enum Piece {
    Table(TableHead),
    Row(String),
    /// It fits everything before it, and nothing comes after it.
    End(Contents),
}

impl<R: BufRead> Reader<R> {
    pub(super) fn begin(mut from: R) -> Result<Self, BackupError> {
        let line = read_line(&mut from)?.ok_or(Damage::Beginning)?;
        let head: Head = serde_json::from_str(&line).map_err(|_| Damage::Beginning)?;
        let Head { zhanggui_backup, schema, made_at, database, tenants } = head;
        if zhanggui_backup != FORMAT || schema > Store::newest_schema() {
            return Err(BackupError::FromFuture { schema, known: Store::newest_schema() });
        }
        let contents = Contents { made_at, schema, database, tenants, rows: BTreeMap::new() };
        Ok(Self { from, tally: Tally::begin(contents, &line) })
    }

    pub(super) fn next(&mut self) -> Result<Piece, BackupError> {
        let line = read_line(&mut self.from)?.ok_or(Damage::Cut)?;
        if line.starts_with('[') {
            self.tally.row(&line)?;
            return Ok(Piece::Row(line));
        }
        if let Ok(head) = serde_json::from_str(&line) {
            self.tally.table(&head, &line);
            return Ok(Piece::Table(head));
        }
        if line != self.tally.end() || read_line(&mut self.from)?.is_some() {
            return Err(Damage::Altered.into());
        }
        Ok(Piece::End(self.tally.contents.clone()))
    }
}

/// The next line without its end; none after the last one.
fn read_line(from: &mut impl BufRead) -> Result<Option<String>, BackupError> {
    let mut line = String::new();
    if from.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    if line.pop() == Some('\n') { Ok(Some(line)) } else { Err(Damage::Cut.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Code, Failure};

    fn sample() -> Vec<u8> {
        let made_at = Timestamp::from_micros(1_795_000_000_000_000);
        let contents = Contents { made_at, schema: 1, database: Dialect::Sqlite, tenants: 1, rows: BTreeMap::new() };
        let mut file = Vec::new();
        let mut writer = Writer::begin(&mut file, contents).unwrap();
        for table in ["tenant", "orders"] {
            writer.table(&TableHead { table: table.into(), columns: vec!["id".into(), "at".into()] }).unwrap();
            writer.row(r#"["米\n",1]"#).unwrap();
            writer.row(r#"["tea",null]"#).unwrap();
        }
        writer.end().unwrap();
        file
    }

    fn read(file: &[u8]) -> Result<Contents, BackupError> {
        let mut reader = Reader::begin(file)?;
        loop {
            if let Piece::End(contents) = reader.next()? {
                return Ok(contents);
            }
        }
    }

    #[test]
    fn what_was_written_is_read() {
        let contents = read(&sample()).unwrap();
        assert_eq!(contents.rows, BTreeMap::from([("orders".into(), 2), ("tenant".into(), 2)]));
    }

    #[test]
    fn no_byte_can_be_changed_left_out_or_added() {
        let file = sample();
        let is_refused = |altered: &[u8]| {
            read(altered).is_err_and(|error| matches!(error.code(), Code::BackupDamaged | Code::BackupFromFuture))
        };
        for at in 0..file.len() {
            assert!(is_refused(&file[..at]), "cut at {at}");
            for bit in 0..8 {
                let mut altered = file.clone();
                altered[at] ^= 1 << bit;
                assert!(is_refused(&altered), "bit {bit} of byte {at}");
            }
        }
        assert!(is_refused(&[file.as_slice(), b"\n"].concat()));
        assert!(is_refused(&[file.as_slice(), &file].concat()));
    }
}

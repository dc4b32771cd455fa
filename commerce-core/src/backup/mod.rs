//! A copy of everything a database holds, taken while the shop is open, and put into another one: SQLite or PostgreSQL,
//! from either to either. The rows come out of one snapshot and go in by one transaction, a few in memory at a time.
//!
//! Nobody is asked for a permission: whoever has the database has all its shops.

mod error;
mod file;

pub use error::{BackupError, Damage};

use crate::store::{Dialect, Settled, Store, StoreError, Table, Tx};
use crate::time::Timestamp;
use file::{Piece, Reader, TableHead, Writer};
use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    pub made_at: Timestamp,
    pub schema: i64,
    /// Where it was taken; it goes into the other one as well.
    pub database: Dialect,
    pub tenants: u64,
    /// How many rows of each table.
    pub rows: BTreeMap<String, u64>,
}

/// Who is signed in stays out of a backup: a copy of the shop opens no door, and who was signed in signs in again.
const LEFT_OUT: [&str; 3] = ["session", "shopper_session", "phone_code"];

/// Migrations and triggers write here. They come last: what was written while the others came in makes way for them.
const WRITTEN_BY_ITSELF: [&str; 3] = ["event_head", "ledger_open", "ledger_unsealed"];

/// Rows go in together up to so many bytes.
const BATCH_BYTES: usize = 256 * 1024;

/// Writes everything to `to`, as it was at one moment. Writing blocks: run it where nobody waits behind it.
pub async fn take(store: &Store, now: Timestamp, to: impl Write) -> Result<Contents, BackupError> {
    let mut conn = store.snapshot().await?;
    let tenants = conn.tenants().await?.len() as u64;
    let (schema, database) = (Store::newest_schema(), store.dialect());
    let contents = Contents { made_at: now, schema, database, tenants, rows: BTreeMap::new() };
    let mut backup = Writer::begin(to, contents)?;
    for table in in_order(conn.tables().await?) {
        backup.table(&head_of(&table))?;
        conn.each_row(&table, |row| backup.row(row)).await?;
    }
    backup.end()
}

/// Reads a backup to its end and says what it holds, if it is whole.
pub fn check(from: impl BufRead) -> Result<Contents, BackupError> {
    let mut backup = Reader::begin(from)?;
    loop {
        if let Piece::End(contents) = backup.next()? {
            return Ok(contents);
        }
    }
}

/// Puts a backup into a new database and brings it to this program's schema. The backup is opened twice: it is read to its
/// end before anything is written, and then everything is there or nothing.
pub async fn restore<R: BufRead>(url: &str, open: impl Fn() -> io::Result<R>) -> Result<Contents, BackupError> {
    let contents = check(open()?)?;
    let store = Store::open_blank(url, contents.schema).await?;
    let (open, whole) = (&open, &contents);
    let filled = store.write(move |tx| async move { fill(tx, Reader::begin(open()?)?, whole).await }).await;
    store.close().await;
    filled?;
    Store::migrate(url).await?;
    Ok(contents)
}

fn in_order(tables: Vec<Table>) -> impl Iterator<Item = Table> {
    let (last, first): (Vec<_>, Vec<_>) =
        tables.into_iter().partition(|table| WRITTEN_BY_ITSELF.contains(&table.name.as_str()));
    first.into_iter().chain(last).filter(|table| !LEFT_OUT.contains(&table.name.as_str()))
}

fn head_of(table: &Table) -> TableHead {
    TableHead { table: table.name.clone(), columns: table.columns().map(str::to_owned).collect() }
}

async fn fill<R: BufRead>(mut tx: Tx, mut backup: Reader<R>, expected: &Contents) -> Result<Settled<()>, BackupError> {
    let mut tables = BTreeMap::new();
    for table in tx.tables().await? {
        if !WRITTEN_BY_ITSELF.contains(&table.name.as_str()) && tx.has_rows(&table).await? {
            return Err(StoreError::InUse(table.name).into());
        }
        tables.insert(table.name.clone(), table);
    }
    let mut batch = Batch::default();
    loop {
        match backup.next()? {
            Piece::Table(head) => {
                batch.write(&mut tx).await?;
                let table = tables.get(&head.table).filter(|table| head_of(table) == head);
                let table = table.ok_or(BackupError::TablesDiffer(head.table))?;
                if WRITTEN_BY_ITSELF.contains(&table.name.as_str()) {
                    tx.clear(table).await?;
                }
                batch.table = Some(table);
            }
            Piece::Row(row) => {
                batch.add(&row);
                if batch.rows.len() > BATCH_BYTES {
                    batch.write(&mut tx).await?;
                }
            }
            Piece::End(contents) => {
                batch.write(&mut tx).await?;
                // Somebody put another file in its place after it had been read to its end.
                if contents != *expected {
                    return Err(Damage::Altered.into());
                }
                return Ok(tx.keep(()).await?);
            }
        }
    }
}

/// Rows of one table on their way in, as the beginning of a JSON array.
#[derive(Default)]
struct Batch<'t> {
    table: Option<&'t Table>,
    rows: String,
}

impl Batch<'_> {
    fn add(&mut self, row: &str) {
        self.rows.push(if self.rows.is_empty() { '[' } else { ',' });
        self.rows.push_str(row);
    }

    async fn write(&mut self, tx: &mut Tx) -> Result<(), StoreError> {
        if let Some(table) = self.table.filter(|_| !self.rows.is_empty()) {
            self.rows.push(']');
            tx.insert_rows(table, &self.rows).await?;
            self.rows.clear();
        }
        Ok(())
    }
}

//! One connection, and the small language in which the store speaks to it.

use super::{Dialect, StoreError};
use crate::id::{Entity, Id};
use crate::money::{Currency, Money};
use crate::time::Timestamp;
use futures_util::{Stream, StreamExt};
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::pool::PoolConnection;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection, AssertSqlSafe, Row as _};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What is watched on every connection of a store: how many statements ran, and faults put in on purpose.
#[derive(Default)]
pub(super) struct Probe {
    pub(super) statements: AtomicU64,
    pub(super) faults: Option<Arc<dyn Faults>>,
}

/// Where a fault can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    BeforeStatement,
    BeforeCommit,
    /// The commit stands, but the caller never hears of it.
    AfterCommit,
}

/// Breaks writes on purpose, as a crash or a lost connection would. Only the simulation installs one.
pub trait Faults: Send + Sync {
    fn strikes(&self, moment: Moment) -> bool;
}

impl Probe {
    fn count_statement(&self) -> Result<(), StoreError> {
        self.survive(Moment::BeforeStatement)?;
        self.statements.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    pub(super) fn survive(&self, moment: Moment) -> Result<(), StoreError> {
        match &self.faults {
            Some(faults) if faults.strikes(moment) => {
                Err(StoreError::Unreachable("struck by the simulation".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

enum Link {
    Plain(PoolConnection<Any>),
    /// Rolls back by itself when it is dropped before its commit.
    Transaction(sqlx::Transaction<'static, Any>),
}

/// A connection for reading. Finders take one; whoever writes needs a [`Tx`](super::Tx).
pub struct Conn {
    link: Link,
    pub(super) dialect: Dialect,
    pub(super) probe: Arc<Probe>,
    /// Set when the work lost a race that a second try may win.
    pub(super) lost_a_race: Arc<AtomicBool>,
}

impl Conn {
    pub(super) fn plain(link: PoolConnection<Any>, dialect: Dialect, probe: Arc<Probe>) -> Self {
        Self { link: Link::Plain(link), dialect, probe, lost_a_race: Arc::default() }
    }

    pub(super) fn transaction(link: sqlx::Transaction<'static, Any>, dialect: Dialect, probe: Arc<Probe>) -> Self {
        Self { link: Link::Transaction(link), dialect, probe, lost_a_race: Arc::default() }
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        match self.link {
            Link::Plain(_) => Ok(()),
            Link::Transaction(transaction) => Ok(transaction.commit().await?),
        }
    }

    pub(super) fn raw(&mut self) -> &mut AnyConnection {
        match &mut self.link {
            Link::Plain(connection) => connection,
            Link::Transaction(transaction) => transaction,
        }
    }

    pub(crate) fn sql(&mut self, text: &'static str) -> Statement<'_> {
        Statement { conn: self, query: sqlx::query(text) }
    }

    /// A statement made of names that the database's catalogue gave.
    pub(super) fn sql_of(&mut self, text: String) -> Statement<'_> {
        Statement { conn: self, query: sqlx::query(AssertSqlSafe(text)) }
    }

    /// The rows of such a question as they come, for answers of any size.
    pub(super) fn stream(&mut self, text: String) -> Result<impl Stream<Item = Result<Row, StoreError>>, StoreError> {
        self.probe.count_statement()?;
        let rows = sqlx::query(AssertSqlSafe(text)).persistent(false).fetch(self.raw());
        Ok(rows.map(|row| Ok(Row(row?))))
    }

    /// A statement over a list of rows, however many. Its text holds one row, `(values (cast($1 as text), …)) as r`, and leaves out
    /// rows whose `column1` is null: the list is widened to the next power of two with such rows, so that few shapes of
    /// the statement have to stay prepared.
    pub(crate) fn sql_rows(&mut self, text: &'static str, rows: Vec<Vec<Cell>>) -> Statement<'_> {
        let width = rows.len().max(1).next_power_of_two();
        let spare: Vec<Cell> = rows.first().into_iter().flatten().map(Cell::nothing).collect();
        let mut query = sqlx::query(AssertSqlSafe(widen(text, width, self.dialect)));
        let padding = width - rows.len();
        for cell in rows.into_iter().chain(std::iter::repeat_n(spare, padding)).flatten() {
            query = match cell {
                Cell::Text(text) => query.bind(text),
                Cell::Int(int) => query.bind(int),
            };
        }
        Statement { conn: self, query }
    }

    async fn fetch(&mut self, query: Query<'static, Any, AnyArguments>) -> Result<Vec<AnyRow>, StoreError> {
        self.probe.count_statement()?;
        let answer = query.fetch_all(self.raw()).await;
        self.note_race(answer)
    }

    async fn execute(&mut self, query: Query<'static, Any, AnyArguments>) -> Result<usize, StoreError> {
        self.probe.count_statement()?;
        let answer = query.execute(self.raw()).await;
        Ok(usize::try_from(self.note_race(answer)?.rows_affected()).unwrap_or(usize::MAX))
    }

    fn note_race<T>(&self, answer: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        let answer = answer.map_err(StoreError::from);
        if matches!(answer, Err(StoreError::Contended)) {
            self.lost_a_race.store(true, Ordering::Relaxed);
        }
        answer
    }
}

pub(crate) struct Statement<'c> {
    conn: &'c mut Conn,
    query: Query<'static, Any, AnyArguments>,
}

impl Statement<'_> {
    pub(crate) fn text(mut self, value: impl ToString) -> Self {
        self.query = self.query.bind(value.to_string());
        self
    }

    /// '' stands for none.
    pub(crate) fn maybe(self, value: Option<impl ToString>) -> Self {
        self.text(value.map_or_else(String::new, |value| value.to_string()))
    }

    pub(crate) fn int(mut self, value: impl Into<i64>) -> Self {
        self.query = self.query.bind(value.into());
        self
    }

    pub(crate) fn time(self, value: Timestamp) -> Self {
        self.int(value.micros())
    }

    /// Binds a whole list as JSON, for `from json_each($n)`.
    pub(crate) fn json(self, value: &(impl serde::Serialize + ?Sized)) -> Self {
        // The store's own row types have string keys and cannot fail to serialise.
        self.text(serde_json::to_string(value).expect("rows serialise"))
    }

    pub(crate) async fn rows(self) -> Result<Vec<Row>, StoreError> {
        Ok(self.conn.fetch(self.query).await?.into_iter().map(Row).collect())
    }

    pub(crate) async fn row(self) -> Result<Option<Row>, StoreError> {
        Ok(self.rows().await?.into_iter().next())
    }

    pub(crate) async fn run(self) -> Result<(), StoreError> {
        self.changes().await.map(drop)
    }

    /// Runs it and says how many rows changed.
    pub(crate) async fn changes(self) -> Result<usize, StoreError> {
        self.conn.execute(self.query).await
    }
}

/// One value of a row that is written.
#[derive(Clone)]
pub(crate) enum Cell {
    Text(Option<String>),
    Int(Option<i64>),
}

impl Cell {
    pub(crate) fn text(value: impl ToString) -> Self {
        Self::Text(Some(value.to_string()))
    }

    /// '' stands for none.
    pub(crate) fn maybe(value: Option<impl ToString>) -> Self {
        Self::Text(Some(value.map_or_else(String::new, |value| value.to_string())))
    }

    pub(crate) fn json(value: &(impl serde::Serialize + ?Sized)) -> Self {
        Self::Text(Some(serde_json::to_string(value).expect("rows serialise")))
    }

    pub(crate) fn int(value: impl Into<i64>) -> Self {
        Self::Int(Some(value.into()))
    }

    pub(crate) fn money(value: Money) -> Self {
        Self::Int(Some(value.minor()))
    }

    pub(crate) fn time(value: Timestamp) -> Self {
        Self::Int(Some(value.micros()))
    }

    fn nothing(&self) -> Self {
        match self {
            Self::Text(_) => Self::Text(None),
            Self::Int(_) => Self::Int(None),
        }
    }
}

/// Repeats the row of a `(values (…)) as r` so often, counting its parameters on. What is put into the text are
/// parameters, nothing else. Every text is made once.
fn widen(text: &'static str, width: usize, dialect: Dialect) -> Arc<str> {
    type Widened = BTreeMap<(&'static str, usize, Dialect), Arc<str>>;
    static WIDENED: Mutex<Widened> = Mutex::new(BTreeMap::new());
    let mut widened = WIDENED.lock().unwrap_or_else(PoisonError::into_inner);
    widened.entry((text, width, dialect)).or_insert_with(|| repeat_row(text, width, dialect).into()).clone()
}

fn repeat_row(text: &str, width: usize, dialect: Dialect) -> String {
    let start = text.find("(values (").expect("a statement over rows has a (values (…)) list") + "(values ".len();
    let end = start + text[start..].find(")))").expect("the list ends with a cast") + 2;
    let row: Vec<&str> =
        text[start..end].split('$').map(|piece| piece.trim_start_matches(|c: char| c.is_ascii_digit())).collect();
    let mut parameter = 0;
    let mut rows = String::new();
    for i in 0..width {
        rows.push_str(if i == 0 { "" } else { ", " });
        rows.push_str(row[0]);
        for piece in &row[1..] {
            parameter += 1;
            match dialect {
                // SQLite looks `$1` up by name, one after the other: with a thousand of them that is all it does.
                Dialect::Sqlite => rows.push('?'),
                Dialect::Postgres => rows.push_str(&format!("${parameter}")),
            }
            rows.push_str(piece);
        }
    }
    format!("{}{rows}{}", &text[..start], &text[end..])
}

/// A row of an answer; every getter names what it found unreadable.
pub(crate) struct Row(AnyRow);

impl Row {
    pub(crate) fn text(&self, column: &str) -> Result<String, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(crate) fn int(&self, column: &str) -> Result<i64, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(crate) fn maybe_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(crate) fn maybe_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        Ok(self.0.try_get(column)?)
    }

    pub(crate) fn is(&self, column: &str) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    pub(crate) fn count<N: TryFrom<i64>>(&self, column: &str) -> Result<N, StoreError> {
        N::try_from(self.int(column)?).map_err(|_| StoreError::unreadable(format_args!("{column} is out of range")))
    }

    pub(crate) fn time(&self, column: &str) -> Result<Timestamp, StoreError> {
        Ok(Timestamp::from_micros(self.int(column)?))
    }

    pub(crate) fn money(&self, column: &str, currency: Currency) -> Result<Money, StoreError> {
        Ok(Money::from_minor(self.int(column)?, currency))
    }

    pub(crate) fn id<T: Entity>(&self, column: &str) -> Result<Id<T>, StoreError> {
        self.word(column)
    }

    /// An id, or nothing where the column holds '' or null.
    pub(crate) fn maybe_id<T: Entity>(&self, column: &str) -> Result<Option<Id<T>>, StoreError> {
        match self.maybe_text(column)? {
            Some(text) if !text.is_empty() => text.parse().map(Some).map_err(StoreError::unreadable),
            _ => Ok(None),
        }
    }

    /// A state, kind or id: anything that is read back from its own name.
    pub(crate) fn word<T: FromStr>(&self, column: &str) -> Result<T, StoreError>
    where
        T::Err: std::fmt::Display,
    {
        self.text(column)?.parse().map_err(|error: T::Err| StoreError::Unreadable(format!("{column}: {error}")))
    }

    pub(crate) fn json<T: serde::de::DeserializeOwned>(&self, column: &str) -> Result<T, StoreError> {
        serde_json::from_str(&self.text(column)?).map_err(|error| StoreError::Unreadable(format!("{column}: {error}")))
    }
}

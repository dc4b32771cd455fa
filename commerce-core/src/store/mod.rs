//! The only module that names the database. One set of `.sql` files under `sql/` serves SQLite and PostgreSQL
//! (docs/decisions/0001); [`Store::write`] is the only way to change anything.

mod after_sale;
mod catalog;
mod conn;
mod customer;
mod dispute;
mod error;
mod event;
mod fulfilment;
mod inventory;
mod ledger;
mod migrate;
mod once;
mod order;
mod payment;
mod reconcile;
mod rule;
mod schema;
mod shopper;
mod staff;
mod tenant;
mod tx;
mod webhook;
mod writer;

pub use catalog::ProductSearch;
pub use conn::{Conn, Faults, Moment};
pub use customer::Likeness;
pub use error::StoreError;
pub use event::EventSearch;
pub use inventory::{Disagreement, Held, StockLevel};
pub use ledger::AccountSearch;
pub use order::OrderSearch;
pub use reconcile::TicketSearch;
pub use tx::{Settled, Tx};
pub use webhook::DeliverySearch;

pub(crate) use catalog::Coded;
use conn::{Cell, Probe, Row};
pub(crate) use fulfilment::ParcelMove;
pub(crate) use inventory::{PileKey, RunningLow};
pub(crate) use ledger::{CrossCheck, RawAccount, RawTransfer};
pub(crate) use order::{Ask, KeptReply, Opened};
pub(crate) use payment::{Message, MessageState};
pub(crate) use reconcile::Window;
pub(crate) use rule::Rulebook;
pub(crate) use schema::Table;
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyPool, Executor};
pub(crate) use staff::Person;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
pub(crate) use webhook::Queued;
use writer::Writer;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display, serde::Serialize, serde::Deserialize)]
#[strum(serialize_all = "lowercase")]
#[serde(rename_all = "lowercase")]
pub enum Dialect {
    Sqlite,
    Postgres,
}

impl Dialect {
    fn of(url: &str) -> Result<Self, StoreError> {
        match url.split_once(':').map(|(scheme, _)| scheme) {
            Some("sqlite") => Ok(Self::Sqlite),
            Some("postgres" | "postgresql") => Ok(Self::Postgres),
            _ => Err(StoreError::Unreachable("a database address starts with sqlite: or postgres:".to_owned())),
        }
    }
}

/// How often a write that lost a race is tried before the caller is told.
const TRIES: u32 = 12;

/// How a store is opened out of the ordinary.
#[derive(Default)]
pub struct Options {
    /// Breaks writes on purpose.
    pub faults: Option<Arc<dyn Faults>>,
    /// How many pages of 4 KiB a SQLite file may grow to, where a host gives no more.
    pub sqlite_pages_max: Option<u32>,
}

/// A database of the shop. Cloning it is cheap and shares the connections.
#[derive(Clone)]
pub struct Store {
    dialect: Dialect,
    pool: AnyPool,
    reports: AnyPool,
    /// SQLite only: PostgreSQL takes many writers.
    writer: Option<Writer>,
    probe: Arc<Probe>,
}

impl Store {
    /// Opens a migrated database: `sqlite:shop.db` or `postgres://user@host/shop`.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_with(url, Options::default()).await
    }

    pub async fn open_with(url: &str, options: Options) -> Result<Self, StoreError> {
        let store = Self::open_unchecked(url, options).await?;
        migrate::check(&mut *store.pool.acquire().await?, store.dialect).await?;
        Ok(store)
    }

    /// Opens a database that nothing was ever kept in, brought to this schema or already there. It may be an older schema
    /// than this program's: that of a backup, which is migrated when it is back.
    pub(crate) async fn open_blank(url: &str, schema: i64) -> Result<Self, StoreError> {
        let (pool, dialect) = connect_to_migrate(url).await?;
        let done = migrate::begin_at(&mut *pool.acquire().await?, dialect, schema).await;
        pool.close().await;
        done?;
        Self::open_unchecked(url, Options::default()).await
    }

    async fn open_unchecked(url: &str, options: Options) -> Result<Self, StoreError> {
        let dialect = Dialect::of(url)?;
        let probe = Arc::new(Probe { faults: options.faults, ..Probe::default() });
        let pool = connect(url, Plans::Keyed, 16, None).await?;
        let reports = connect(url, Plans::Free, 2, None).await?;
        let writer = match dialect {
            Dialect::Sqlite => {
                Some(Writer::start(connect(url, Plans::Keyed, 1, options.sqlite_pages_max).await?, probe.clone()))
            }
            Dialect::Postgres => None,
        };
        Ok(Self { dialect, pool, reports, writer, probe })
    }

    /// Creates a SQLite file that is not there yet and runs the missing migrations; says how many.
    pub async fn migrate(url: &str) -> Result<usize, StoreError> {
        let (pool, dialect) = connect_to_migrate(url).await?;
        let done = migrate::migrate(&mut *pool.acquire().await?, dialect, Self::newest_schema()).await;
        pool.close().await;
        done
    }

    /// The newest schema that this program knows.
    pub(crate) fn newest_schema() -> i64 {
        migrate::newest()
    }

    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// How many statements this store has run so far, transaction control not counted.
    pub fn statements(&self) -> u64 {
        self.probe.statements.load(Ordering::Relaxed)
    }

    /// A connection for questions about the whole shop, which PostgreSQL may answer by any plan it likes.
    pub async fn report(&self) -> Result<Conn, StoreError> {
        Ok(Conn::plain(self.reports.acquire().await?, self.dialect, self.probe.clone()))
    }

    /// A connection that sees the shop as it is now, whatever is written while it reads.
    pub(crate) async fn snapshot(&self) -> Result<Conn, StoreError> {
        let mut transaction = self.reports.begin().await?;
        if self.dialect == Dialect::Postgres {
            transaction.execute("set transaction isolation level repeatable read, read only").await?;
        }
        Ok(Conn::transaction(transaction, self.dialect, self.probe.clone()))
    }

    pub async fn read(&self) -> Result<Conn, StoreError> {
        Ok(Conn::plain(self.pool.acquire().await?, self.dialect, self.probe.clone()))
    }

    /// Runs `work` in one transaction: all of it is on disk when this returns `Ok`, none of it otherwise.
    /// A lost race is tried again, so `work` may run more than once and must not act on the outside world.
    pub async fn write<T, E, Work>(&self, work: impl Fn(Tx) -> Work) -> Result<T, E>
    where
        Work: Future<Output = Result<Settled<T>, E>>,
        E: From<StoreError>,
    {
        for tries in 1..=TRIES {
            let lost_a_race = Arc::new(AtomicBool::new(false));
            match work(self.begin(lost_a_race.clone()).await?).await {
                Err(_) if lost_a_race.load(Ordering::Relaxed) => tokio::time::sleep(pause(tries)).await,
                answer => return answer.map(Settled::into_inner),
            }
        }
        Err(StoreError::Contended.into())
    }

    async fn begin(&self, lost_a_race: Arc<AtomicBool>) -> Result<Tx, StoreError> {
        Ok(match &self.writer {
            Some(writer) => Tx::turn(writer.borrow().await?, lost_a_race),
            None => Tx::own(Conn::transaction(self.pool.begin().await?, self.dialect, self.probe.clone()), lost_a_race),
        })
    }

    /// Prepares a statement without running it: how a test proves that every `.sql` file fits the schema.
    pub async fn prepare(&self, sql: &'static str) -> Result<(), StoreError> {
        self.pool.acquire().await?.prepare(sqlx::SqlStr::from_static(sql)).await?;
        Ok(())
    }

    pub async fn close(&self) {
        self.pool.close().await;
        self.reports.close().await;
    }
}

/// Exponential, with a spread so that those who met once do not meet again.
fn pause(tries: u32) -> Duration {
    let ceiling = 1_u64 << tries.min(7);
    Duration::from_micros(rand::random_range(200..=1_000 * ceiling))
}

/// How PostgreSQL is to plan.
#[derive(Clone, Copy, PartialEq)]
enum Plans {
    Keyed,
    Free,
}

/// A SQLite file that is not there yet is made.
async fn connect_to_migrate(url: &str) -> Result<(AnyPool, Dialect), StoreError> {
    let dialect = Dialect::of(url)?;
    let separator = if url.contains('?') { '&' } else { '?' };
    let url = match dialect {
        Dialect::Sqlite => format!("{url}{separator}mode=rwc"),
        Dialect::Postgres => url.to_owned(),
    };
    Ok((connect(&url, Plans::Free, 1, None).await?, dialect))
}

async fn connect(url: &str, plans: Plans, connections: u32, pages_max: Option<u32>) -> Result<AnyPool, StoreError> {
    let dialect = Dialect::of(url)?;
    sqlx::any::install_default_drivers();
    let options = AnyPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(10))
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                if dialect == Dialect::Sqlite {
                    // `full`: an acknowledged write survives a power cut. Readers never wait for the writer.
                    connection.execute("pragma busy_timeout = 5000").await?;
                    connection.execute("pragma journal_mode = wal").await?;
                    connection.execute("pragma synchronous = full").await?;
                    connection.execute("pragma cache_size = -65536").await?;
                    // Pages that many orders touch are written back once in 64 MB of log, not once in 4.
                    connection.execute("pragma wal_autocheckpoint = 16384").await?;
                    if let Some(pages) = pages_max {
                        connection.execute(sqlx::AssertSqlSafe(format!("pragma max_page_count = {pages}"))).await?;
                    }
                } else if plans == Plans::Keyed {
                    keep_plans_keyed(connection).await?;
                }
                Ok(())
            })
        });
    Ok(options.connect(url).await?)
}

/// Our statements name their rows by keys, so one plan fits every call, and that plan walks an index. Left alone, PostgreSQL
/// plans each call anew, or keeps a scan that looked cheap while the tables were empty.
async fn keep_plans_keyed(connection: &mut sqlx::AnyConnection) -> Result<(), sqlx::Error> {
    let settings = ["plan_cache_mode = force_generic_plan", "random_page_cost = 1.1", "jit = off"];
    let never = ["enable_seqscan = off", "enable_hashjoin = off", "enable_mergejoin = off", "enable_material = off"];
    for setting in settings.into_iter().chain(never) {
        connection.execute(sqlx::AssertSqlSafe(format!("set {setting}"))).await?;
    }
    Ok(())
}

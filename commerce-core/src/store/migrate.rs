//! Brings a database to the schema this program knows, and refuses one from the future.

use super::{Dialect, StoreError};
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AnyConnection, SqlSafeStr};

/// Which databases a migration is for.
#[derive(PartialEq)]
enum For {
    Both,
    Only(Dialect),
}

const MIGRATIONS: &[(i64, &str, For, &str)] = &[
    (1, "json_each", For::Only(Dialect::Postgres), include_str!("../../../migrations/0001_json_each.postgres.sql")),
    (2, "shop", For::Both, include_str!("../../../migrations/0002_shop.sql")),
    (3, "event_rowid", For::Only(Dialect::Postgres), include_str!("../../../migrations/0003_event_rowid.postgres.sql")),
    (4, "ledger", For::Both, include_str!("../../../migrations/0004_ledger.sql")),
    (5, "ledger_guards", For::Only(Dialect::Sqlite), include_str!("../../../migrations/0005_ledger_guards.sqlite.sql")),
    (
        6,
        "ledger_guards",
        For::Only(Dialect::Postgres),
        include_str!("../../../migrations/0006_ledger_guards.postgres.sql"),
    ),
    (7, "payment", For::Both, include_str!("../../../migrations/0007_payment.sql")),
    (8, "rules", For::Both, include_str!("../../../migrations/0008_rules.sql")),
    (9, "reconciliation", For::Both, include_str!("../../../migrations/0009_reconciliation.sql")),
    (10, "dispute", For::Both, include_str!("../../../migrations/0010_dispute.sql")),
    (11, "difference", For::Both, include_str!("../../../migrations/0011_difference.sql")),
    (12, "staff", For::Both, include_str!("../../../migrations/0012_staff.sql")),
    (13, "shopper", For::Both, include_str!("../../../migrations/0013_shopper.sql")),
    (14, "webhook", For::Both, include_str!("../../../migrations/0014_webhook.sql")),
];

pub(super) fn newest() -> i64 {
    MIGRATIONS.last().map_or(0, |(version, ..)| *version)
}

/// What makes this schema on this database.
fn leading_to(schema: i64, dialect: Dialect) -> impl Iterator<Item = &'static (i64, &'static str, For, &'static str)> {
    let is_for = move |target: &For| *target == For::Both || *target == For::Only(dialect);
    MIGRATIONS.iter().filter(move |(version, _, target, _)| *version <= schema && is_for(target))
}

/// Runs what is missing up to this schema and returns how many migrations that were.
pub(super) async fn migrate(conn: &mut AnyConnection, dialect: Dialect, schema: i64) -> Result<usize, StoreError> {
    let before = applied(conn).await?.len();
    let wanted: Vec<Migration> = leading_to(schema, dialect)
        .map(|(version, name, _, sql)| {
            Migration::new(*version, (*name).into(), MigrationType::Simple, sql.into_sql_str(), false)
        })
        .collect();
    let count = wanted.len();
    match Migrator::with_migrations(wanted).run_direct(None, conn, false).await {
        Ok(()) => Ok(count - before),
        Err(MigrateError::VersionMissing(found)) => Err(StoreError::SchemaFromFuture { found, known: newest() }),
        Err(MigrateError::VersionMismatch(version)) => Err(StoreError::SchemaAltered(version)),
        Err(MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) => Err(error.into()),
        Err(other) => Err(StoreError::Refused(other.to_string())),
    }
}

/// Gives a database without a schema this one, and refuses one that has another.
pub(super) async fn begin_at(conn: &mut AnyConnection, dialect: Dialect, schema: i64) -> Result<(), StoreError> {
    let found = applied(conn).await?;
    match found.last() {
        None => migrate(conn, dialect, schema).await.map(drop),
        Some(_) if found.iter().eq(leading_to(schema, dialect).map(|(version, ..)| version)) => Ok(()),
        Some(&found) => Err(StoreError::SchemaDiffers { found, wanted: schema }),
    }
}

/// Whether this program may work on the database as it is.
pub(super) async fn check(conn: &mut AnyConnection, dialect: Dialect) -> Result<(), StoreError> {
    let found = applied(conn).await?;
    if let Some(future) = found.iter().copied().find(|version| *version > newest()) {
        return Err(StoreError::SchemaFromFuture { found: future, known: newest() });
    }
    let complete = leading_to(newest(), dialect).all(|(version, ..)| found.contains(version));
    if complete { Ok(()) } else { Err(StoreError::SchemaBehind) }
}

async fn applied(conn: &mut AnyConnection) -> Result<Vec<i64>, StoreError> {
    match sqlx::query_scalar("select version from _sqlx_migrations order by version")
        .fetch_all(conn)
        .await
        .map_err(StoreError::from)
    {
        Err(StoreError::SchemaBehind) => Ok(Vec::new()),
        answer => answer,
    }
}

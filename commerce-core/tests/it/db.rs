//! Every story is told twice: on SQLite, and on a PostgreSQL database of its own. Each ends by looking at the events it told.

use crate::event_schemas::hold_to_schemas;
use commerce_core::store::Store;
use sqlx::{AnyConnection, Connection};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::OnceCell;

/// A fresh, migrated database; gone when it is dropped.
pub(crate) struct Db {
    pub(crate) url: String,
    pub(crate) name: &'static str,
    _dir: Option<tempfile::TempDir>,
}

impl Db {
    pub(crate) async fn store(&self) -> Store {
        Store::open(&self.url).await.expect("a migrated database opens")
    }

    pub(crate) async fn sqlite() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let url = format!("sqlite:{}/shop.db", dir.path().display());
        Store::migrate(&url).await.expect("migrations run");
        Self { url, name: "sqlite", _dir: Some(dir) }
    }

    pub(crate) async fn postgres() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = postgres_url();
        let template = TEMPLATE
            .get_or_init(async || {
                let name = format!("template_{}", std::process::id());
                admin(&server, format!("create database {name}")).await;
                Store::migrate(&on_server(&server, &name)).await.expect("migrations run");
                name
            })
            .await;
        let name = format!("test_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        admin(&server, format!("create database {name} template {template}")).await;
        Self { url: on_server(&server, &name), name: "postgres", _dir: None }
    }

    pub(crate) async fn both() -> [Self; 2] {
        [Self::sqlite().await, Self::postgres().await]
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        // A story that failed has said what is wrong with it.
        if std::thread::panicking() {
            return;
        }
        // A runtime of its own: nobody can wait for a future here.
        let look = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
            runtime.block_on(hold_to_schemas(&self.url));
        };
        if let Err(fault) = std::thread::scope(|scope| scope.spawn(look).join()) {
            std::panic::resume_unwind(fault);
        }
    }
}

/// PostgreSQL is never skipped silently: `make test` starts one.
pub(crate) fn postgres_url() -> String {
    std::env::var("TEST_POSTGRES_URL")
        .expect("TEST_POSTGRES_URL is not set; run the tests with `make test`, which starts a private PostgreSQL")
}

pub(crate) fn on_server(url: &str, database: &str) -> String {
    let (server, _) = url.rsplit_once('/').expect("a database URL has a path");
    format!("{server}/{database}")
}

pub(crate) async fn admin(url: &str, statement: String) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.expect("the test server answers");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&mut connection).await.expect("the test server obeys");
    connection.close().await.expect("the connection closes");
}

//! The database that a benchmark stands on, fresh for each run.

use crate::private_postgres::PrivatePostgres;
use commerce_core::store::Store;
use tempfile::TempDir;

#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum Database {
    Sqlite,
    Postgres,
}

pub(super) struct Ground {
    pub(super) url: String,
    pub(super) server: Option<PrivatePostgres>,
    dir: TempDir,
}

impl Ground {
    pub(super) async fn open(database: Database) -> Result<Self, Box<dyn std::error::Error>> {
        let dir = tempfile::tempdir()?;
        let (server, url) = match database {
            Database::Sqlite => (None, format!("sqlite:{}/bench.db", dir.path().display())),
            Database::Postgres => {
                let server = PrivatePostgres::start().await?;
                let url = server.url();
                (Some(server), url)
            }
        };
        Store::migrate(&url).await?;
        Ok(Self { url, server, dir })
    }

    pub(super) fn name(&self) -> &'static str {
        if self.server.is_some() { "postgres" } else { "sqlite" }
    }

    /// Where the yardstick is measured: the same disk, the same server.
    pub(super) fn yardstick_url(&self) -> String {
        match self.server {
            Some(_) => self.url.clone(),
            None => format!("sqlite:{}/yardstick.db?mode=rwc", self.dir.path().display()),
        }
    }
}

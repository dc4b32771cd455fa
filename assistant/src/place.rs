//! Where a shop is kept.

use crate::trouble::Trouble;
use clap::Args;
use commerce_core::Shop;
use commerce_core::store::Store;

/// Where the shop is.
#[derive(Args)]
pub(crate) struct Place {
    /// The database: sqlite:FILE or postgres://USER@HOST/NAME.
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, default_value = "sqlite:zhanggui.db")]
    db: String,
}

impl Place {
    pub(crate) fn at(url: &str) -> Self {
        Self { db: url.to_owned() }
    }

    pub(crate) async fn open(&self) -> Result<Shop, Trouble> {
        Ok(Shop::new(Store::open(&self.db).await?))
    }

    pub(crate) fn url(&self) -> &str {
        &self.db
    }
}

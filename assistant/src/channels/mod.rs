//! The payment channels a shop is connected to from here, and where they tell it what happened.

mod receiver;
mod sandbox;

pub(crate) use receiver::{Receiver, Receiving};

use crate::sandbox_pay::Agreement;
use crate::trouble::Trouble;
use clap::Args;
use commerce_core::Shop;
use commerce_core::tenant::TenantId;
pub(crate) use sandbox::HttpSandbox;
use std::sync::Arc;
use std::time::Duration;

/// How the shop reaches its payment channels.
#[derive(Args)]
pub(crate) struct Channels {
    /// Where `zhanggui sandbox-pay` is.
    #[arg(long, env = "ZHANGGUI_SANDBOX_URL", default_value = "http://127.0.0.1:8085")]
    sandbox_url: String,
    /// How long the sandbox may take to answer.
    #[arg(long, env = "ZHANGGUI_SANDBOX_TIMEOUT_MS", default_value_t = 5_000, value_name = "MS")]
    sandbox_timeout_ms: u64,
    #[command(flatten)]
    agreement: Agreement,
    /// Where the sandbox is to tell the shop that something was paid. Without it, `zhanggui chase` asks.
    #[arg(long, env = "ZHANGGUI_NOTIFY_URL", default_value = "")]
    notify_url: String,
}

impl Channels {
    /// Connects a shop to its channels.
    pub(crate) fn connect(&self, shop: &Shop, tenant: TenantId) -> Result<(), Trouble> {
        self.connect_telling(shop, tenant, &self.notify_url)
    }

    /// Connects a shop to channels that tell it at `notify_url`.
    pub(crate) fn connect_telling(&self, shop: &Shop, tenant: TenantId, notify_url: &str) -> Result<(), Trouble> {
        let timeout = Duration::from_millis(self.sandbox_timeout_ms);
        let sandbox = HttpSandbox::new(&self.sandbox_url, &self.agreement, notify_url, timeout)?;
        shop.connect(tenant, Arc::new(sandbox));
        Ok(())
    }
}

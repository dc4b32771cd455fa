//! The payment channels a shop is connected to.

use super::Shop;
use crate::payment::PaymentError;
use crate::port::PaymentChannel;
use crate::tenant::TenantId;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

#[derive(Default)]
pub(super) struct Channels(RwLock<BTreeMap<(TenantId, String), Arc<dyn PaymentChannel>>>);

impl Channels {
    pub(super) fn find(&self, tenant: TenantId, code: &str) -> Result<Arc<dyn PaymentChannel>, PaymentError> {
        let channels = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(channel) = channels.get(&(tenant, code.to_owned())) {
            return Ok(channel.clone());
        }
        let known: Vec<&str> = channels.keys().filter(|(of, _)| *of == tenant).map(|(_, code)| code.as_str()).collect();
        let channel = code.chars().take(40).collect();
        Err(PaymentError::UnknownChannel { channel, known: known.join(", ") })
    }
}

impl Shop {
    /// Lets a shop take money through this channel. One that is connected already under the same code is replaced.
    pub fn connect(&self, tenant: TenantId, channel: Arc<dyn PaymentChannel>) {
        let code = channel.terms().code.clone();
        self.desk.channels.0.write().unwrap_or_else(PoisonError::into_inner).insert((tenant, code), channel);
    }
}

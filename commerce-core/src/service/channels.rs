//! The payment channels a shop is connected to.

use super::Shop;
use crate::payment::PaymentError;
use crate::port::PaymentChannel;
use crate::tenant::TenantId;
use crate::time::{HOUR, Timestamp};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

#[derive(Default)]
pub(super) struct Channels(RwLock<BTreeMap<(TenantId, String), Connected>>);

struct Connected {
    channel: Arc<dyn PaymentChannel>,
    /// When it was last asked what buyers dispute.
    asked_at: Timestamp,
}

/// Banks take weeks; a shop that hears of a dispute within the hour has time enough to answer.
const ASKED_EVERY: i64 = HOUR;

impl Channels {
    pub(super) fn find(&self, tenant: TenantId, code: &str) -> Result<Arc<dyn PaymentChannel>, PaymentError> {
        let channels = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(connected) = channels.get(&(tenant, code.to_owned())) {
            return Ok(connected.channel.clone());
        }
        let known: Vec<&str> = channels.keys().filter(|(of, _)| *of == tenant).map(|(_, code)| code.as_str()).collect();
        let channel = code.chars().take(40).collect();
        Err(PaymentError::UnknownChannel { channel, known: known.join(", ") })
    }

    /// The channels that are to be asked what buyers dispute.
    pub(super) fn to_ask(&self, tenant: TenantId, now: Timestamp) -> Vec<Arc<dyn PaymentChannel>> {
        let channels = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let is_due = |asked_at: Timestamp| now.micros() - asked_at.micros() >= ASKED_EVERY;
        let due = channels.iter().filter(|((of, _), connected)| *of == tenant && is_due(connected.asked_at));
        due.map(|(_, connected)| connected.channel.clone()).collect()
    }

    /// A channel has said what buyers dispute.
    pub(super) fn answered(&self, tenant: TenantId, code: &str, now: Timestamp) {
        let mut channels = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(connected) = channels.get_mut(&(tenant, code.to_owned())) {
            connected.asked_at = now;
        }
    }
}

impl Shop {
    /// Lets a shop take money through this channel. One that is connected already under the same code is replaced.
    pub fn connect(&self, tenant: TenantId, channel: Arc<dyn PaymentChannel>) {
        let code = channel.terms().code.clone();
        let mut channels = self.desk.channels.0.write().unwrap_or_else(PoisonError::into_inner);
        let never = Timestamp::from_micros(0);
        let asked_at = channels.get(&(tenant, code.clone())).map_or(never, |connected| connected.asked_at);
        channels.insert((tenant, code), Connected { channel, asked_at });
    }
}

//! How much the service takes on: how many requests at once, and how many from one caller or address.

use super::error::Problem;
use axum::extract::{ConnectInfo, Request};
use commerce_core::caller::Caller;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use serde::Deserialize;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// 0 switches a rate off.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LimitsConfig {
    /// Requests worked on at once; more are told to come back.
    pub(crate) at_once: usize,
    /// How long one may take.
    pub(crate) longest_ms: u64,
    /// Of a body that is no file.
    pub(crate) body_bytes: usize,
    pub(crate) per_address_per_s: u32,
    pub(crate) per_user_per_s: u32,
    pub(crate) per_key_per_s: u32,
    /// Orders, payments and the like, by one shopper.
    pub(crate) hot_writes_per_s: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            at_once: 256,
            longest_ms: 30_000,
            body_bytes: 256 * 1024,
            per_address_per_s: 100,
            per_user_per_s: 20,
            per_key_per_s: 200,
            hot_writes_per_s: 3,
        }
    }
}

type Buckets<K> = Option<RateLimiter<K, HashMapStateStore<K>, DefaultClock>>;

pub(crate) struct Limits {
    places: Arc<Semaphore>,
    pub(crate) longest: Duration,
    addresses: Buckets<IpAddr>,
    users: Buckets<String>,
    keys: Buckets<String>,
    hot_writes: Buckets<String>,
}

/// A bucket holds what may come at once: two seconds' worth.
const BURST_S: u32 = 2;

fn buckets<K: std::hash::Hash + Eq + Clone>(per_s: u32) -> Buckets<K> {
    let (rate, burst) = (NonZeroU32::new(per_s)?, NonZeroU32::new(per_s.saturating_mul(BURST_S))?);
    Some(RateLimiter::hashmap(Quota::per_second(rate).allow_burst(burst)))
}

impl Limits {
    pub(crate) fn new(config: &LimitsConfig) -> Self {
        Self {
            places: Arc::new(Semaphore::new(config.at_once)),
            longest: Duration::from_millis(config.longest_ms),
            addresses: buckets(config.per_address_per_s),
            users: buckets(config.per_user_per_s),
            keys: buckets(config.per_key_per_s),
            hot_writes: buckets(config.hot_writes_per_s),
        }
    }

    /// A place among the requests worked on, or none while all are taken: waiting would only make everybody slow.
    pub(crate) fn enter(&self) -> Option<OwnedSemaphorePermit> {
        self.places.clone().try_acquire_owned().ok()
    }

    pub(crate) fn free_places(&self) -> usize {
        self.places.available_permits()
    }

    pub(crate) fn count_address(&self, address: IpAddr) -> Result<(), Problem> {
        // IPv6 gives everybody as many addresses as they like, out of one /64.
        let counted = match address {
            IpAddr::V4(address) => IpAddr::V4(address),
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
        };
        take_one(&self.addresses, &counted)
    }

    pub(crate) fn count_caller(&self, caller: &Caller) -> Result<(), Problem> {
        let buckets = if caller.who.starts_with("key:") { &self.keys } else { &self.users };
        take_one(buckets, &name(caller))
    }

    pub(crate) fn count_hot_write(&self, caller: &Caller) -> Result<(), Problem> {
        take_one(&self.hot_writes, &name(caller))
    }

    /// Forgets whoever has not come for a while.
    pub(crate) fn forget_the_quiet(&self) {
        if let Some(addresses) = &self.addresses {
            addresses.retain_recent();
        }
        for buckets in [&self.users, &self.keys, &self.hot_writes].into_iter().flatten() {
            buckets.retain_recent();
        }
    }
}

fn name(caller: &Caller) -> String {
    format!("{} {}", caller.tenant, caller.named_actor())
}

fn take_one<K: std::hash::Hash + Eq + Clone>(buckets: &Buckets<K>, key: &K) -> Result<(), Problem> {
    let Some(buckets) = buckets else { return Ok(()) };
    buckets.check_key(key).map_err(|until| {
        let wait = until.wait_time_from(DefaultClock::default().now());
        Problem::too_many_requests(wait.as_secs() + 1)
    })
}

/// Where a request comes from: the last address that is not one of our own proxies.
pub(super) fn address_of(request: &Request, trusted: &[IpAddr]) -> IpAddr {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip().to_canonical());
    if !trusted.contains(&peer) {
        return peer;
    }
    let forwarded = request.headers().get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = forwarded.flat_map(|hops| hops.split(',')).map(str::trim).collect();
    // From our own proxies outwards; what is behind a hop that cannot be read may be invented.
    let known = hops.into_iter().rev().map_while(|hop| hop.parse::<IpAddr>().ok());
    known.map(|hop| hop.to_canonical()).find(|hop| !trusted.contains(hop)).unwrap_or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn only_our_own_proxies_are_believed() {
        let from = |peer: [u8; 4], forwarded: &str| {
            let mut request = Request::builder().header("x-forwarded-for", forwarded).body(Body::empty()).unwrap();
            request.extensions_mut().insert(ConnectInfo(SocketAddr::from((peer, 1))));
            address_of(&request, &[IpAddr::from([10, 0, 0, 1])]).to_string()
        };
        assert_eq!(from([203, 0, 113, 9], "198.51.100.7"), "203.0.113.9");
        assert_eq!(from([10, 0, 0, 1], "198.51.100.7"), "198.51.100.7");
        assert_eq!(from([10, 0, 0, 1], "6.6.6.6, 198.51.100.7, 10.0.0.1"), "198.51.100.7");
        assert_eq!(from([10, 0, 0, 1], "nonsense"), "10.0.0.1");
    }

    #[test]
    fn a_bucket_empties_and_says_when_to_come_back() {
        let limits = Limits::new(&LimitsConfig { per_address_per_s: 1, at_once: 1, ..LimitsConfig::default() });
        let (me, you) = (IpAddr::from([1, 1, 1, 1]), IpAddr::from([2, 2, 2, 2]));
        assert!((0..BURST_S).all(|_| limits.count_address(me).is_ok()));
        assert!(limits.count_address(me).is_err() && limits.count_address(you).is_ok());
        let place = limits.enter();
        assert!(place.is_some() && limits.enter().is_none());
        drop(place);
        assert!(limits.enter().is_some());
    }
}

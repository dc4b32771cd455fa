//! Ids that say what they are: `ord_0190f3…` is an order. Behind the prefix is a UUIDv7,
//! so ids sort by the time they were made.

use crate::error::{Code, Failure, Kind};
use crate::time::Timestamp;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};
use uuid::Uuid;

/// Something that has an id of its own.
pub trait Entity {
    const PREFIX: &'static str;
}

pub struct Id<T> {
    uuid: Uuid,
    of: PhantomData<fn() -> T>,
}

impl<T: Entity> Id<T> {
    /// The id that the same words always give: how imports find again what they made before.
    pub fn derived(namespace: &str, name: &str) -> Self {
        use sha2::{Digest, Sha256};
        let digest = Sha256::new()
            .chain_update(T::PREFIX)
            .chain_update([0])
            .chain_update(namespace)
            .chain_update([0])
            .chain_update(name)
            .finalize();
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest[..16]);
        Self::of(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    /// The id of what comes of `source` for this purpose: always the same, and as old as its source, so that what
    /// belongs together lies together in an index.
    pub fn following<S: Entity>(source: Id<S>, purpose: &str) -> Self {
        let mut bytes = *Self::derived(&source.to_string(), purpose).uuid.as_bytes();
        bytes[..6].copy_from_slice(&source.uuid.as_bytes()[..6]);
        Self::of(Uuid::from_bytes(bytes))
    }

    fn of(uuid: Uuid) -> Self {
        Self { uuid, of: PhantomData }
    }
}

impl<T: Entity> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", T::PREFIX, self.uuid.simple())
    }
}

impl<T: Entity> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T: Entity> FromStr for Id<T> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        text.strip_prefix(T::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .filter(|hex| hex.len() == 32 && hex.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')))
            .and_then(|hex| Uuid::try_parse(hex).ok())
            .map(Self::of)
            .ok_or_else(|| InvalidId { expected: T::PREFIX, got: text.chars().take(60).collect() })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{got:?} is not an id of the form {expected}_… ; copy the id exactly as it was shown")]
pub struct InvalidId {
    expected: &'static str,
    got: String,
}

impl Failure for InvalidId {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }
    fn code(&self) -> Code {
        Code::InvalidId
    }
    fn zh(&self) -> String {
        format!("{:?} 不是 {}_… 形式的编号，请原样复制编号", self.got, self.expected)
    }
}

// Derives would ask the same of `T`, which is only a label.
impl<T> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Id<T> {}
impl<T> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<T> Eq for Id<T> {}
impl<T> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<T> Hash for Id<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<T: Entity> serde::Serialize for Id<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, T: Entity> serde::Deserialize<'de> for Id<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where new ids come from. Seeded in a simulation, from the operating system in a shop.
pub struct Mint(Mutex<StdRng>);

impl Mint {
    pub fn from_system() -> Self {
        Self(Mutex::new(
            StdRng::try_from_rng(&mut rand::rngs::SysRng).expect("the operating system gives random bytes"),
        ))
    }

    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// A code that nobody can guess, for what is worth money.
    pub(crate) fn code(&self, length: usize) -> String {
        let mut random = vec![0; length];
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut random);
        letters(&random)
    }

    /// So many digits, for people who read them off their phone.
    pub(crate) fn digits(&self, length: usize) -> String {
        // 2^32 is far more than ten: that some digits are likelier by a billionth helps nobody.
        (0..length).map(|_| char::from(b'0' + (u32::from_le_bytes(self.bytes()) % 10) as u8)).collect()
    }

    pub(crate) fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut random = [0; N];
        // A thread that panicked while it held the generator cannot have left it half-written.
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(&mut random);
        random
    }

    pub fn id<T: Entity>(&self, now: Timestamp) -> Id<T> {
        let random = self.bytes();
        Id::of(uuid::Builder::from_unix_timestamp_millis(now.millis().unsigned_abs(), &random).into_uuid())
    }
}

/// Bytes as letters and digits that nobody mistakes for one another, five bits of each.
pub(crate) fn letters(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Order;
    impl Entity for Order {
        const PREFIX: &'static str = "ord";
    }
    struct Sku;
    impl Entity for Sku {
        const PREFIX: &'static str = "sku";
    }

    #[test]
    fn an_id_round_trips_and_knows_its_kind() {
        let id = Mint::seeded(1).id::<Order>(Timestamp::from_micros(1_000_000));
        assert_eq!(id.to_string().parse::<Id<Order>>().unwrap(), id);
        assert_eq!(id.to_string().parse::<Id<Sku>>().unwrap_err().code(), Code::InvalidId);
        for bad in
            ["", "ord_", "ord_xyz", "ORD_0190f30000007000800000000000000", "ord_0190F300000070008000000000000000"]
        {
            assert!(bad.parse::<Id<Order>>().is_err(), "{bad}");
        }
    }

    #[test]
    fn ids_sort_by_time_and_repeat_with_the_seed() {
        let mint = Mint::seeded(7);
        let early = mint.id::<Order>(Timestamp::from_micros(1_000_000));
        let late = mint.id::<Order>(Timestamp::from_micros(2_000_000));
        assert!(early < late);
        assert_eq!(Mint::seeded(7).id::<Order>(Timestamp::from_micros(1_000_000)), early);
        assert_eq!(Id::<Order>::derived("t", "a"), Id::derived("t", "a"));
        assert_ne!(Id::<Order>::derived("t", "a"), Id::derived("ta", ""));
        let following: Id<Sku> = Id::following(early, "a");
        assert_eq!(following, Id::following(early, "a"));
        assert_ne!(following, Id::following(early, "b"));
        assert!(following < Id::following(late, "a"), "as old as its source");
    }
}

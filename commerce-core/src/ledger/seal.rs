//! Seals: signed roots over everything booked so far. Whoever holds the public key can tell that a row under a seal was
//! changed, even by somebody who rules the database. Without the key the newest seals can still be cut off, together with
//! what they cover: only whoever has the [`Imprint`] of one outside the database can tell that it is gone.

use super::merkle::{Hash, Peaks};
use super::{hex, unhex};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

/// The key that signs. It is kept outside the database, or whoever alters the books could seal them again.
pub struct SealKey(SigningKey);

impl SealKey {
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The seed as [`SealKey::seed`] writes it.
    pub fn read(text: &str) -> Option<Self> {
        let seed: [u8; 32] = unhex(text.trim())?.try_into().ok()?;
        Some(Self::from_seed(seed))
    }

    /// The secret, for the file it is kept in.
    pub fn seed(&self) -> String {
        hex(&self.0.to_bytes())
    }

    /// What others check seals with.
    pub fn public(&self) -> String {
        hex(self.0.verifying_key().as_bytes())
    }
}

// Says nothing: a key must not get into a log.
impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey")
    }
}

/// The root over the first `size` entries, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub size: u64,
    /// How many the seal before this one covers.
    pub previous: u64,
    pub root: String,
    /// What the next seal goes on from.
    pub peaks: String,
    /// The public key.
    pub key: String,
    pub signature: String,
    pub at: Timestamp,
}

impl Seal {
    pub(crate) fn sign(tenant: TenantId, previous: u64, peaks: &Peaks, at: Timestamp, key: &SealKey) -> Self {
        let unsigned = Self {
            size: peaks.size(),
            previous,
            root: hex(&peaks.root()),
            peaks: hex(peaks.as_slice().concat().as_slice()),
            key: key.public(),
            signature: String::new(),
            at,
        };
        let signature = hex(&key.0.sign(unsigned.message(tenant).as_bytes()).to_bytes());
        Self { signature, ..unsigned }
    }

    /// Whether the key in it signed this seal for this shop.
    pub fn is_signed(&self, tenant: TenantId) -> bool {
        let key = unhex(&self.key).and_then(|bytes| VerifyingKey::from_bytes(&bytes.try_into().ok()?).ok());
        let signature = unhex(&self.signature).and_then(|bytes| Signature::from_slice(&bytes).ok());
        let (Some(key), Some(signature)) = (key, signature) else { return false };
        key.verify_strict(self.message(tenant).as_bytes(), &signature).is_ok()
    }

    pub(crate) fn peaks(&self) -> Option<Peaks> {
        let bytes = unhex(&self.peaks)?;
        let hashes = bytes.chunks(32).map(Hash::try_from).collect::<Result<Vec<_>, _>>().ok()?;
        Peaks::of(self.size, hashes)
    }

    pub fn imprint(&self) -> Imprint {
        Imprint { size: self.size, root: self.root.clone() }
    }

    fn message(&self, tenant: TenantId) -> String {
        let (size, previous, root, at) = (self.size, self.previous, &self.root, self.at.micros());
        format!("zhanggui ledger seal\n{tenant}\n{size}\n{previous}\n{root}\n{at}")
    }
}

/// What a seal leaves behind outside the database: a log without this seal was cut short or made anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imprint {
    pub size: u64,
    pub root: String,
}

impl Imprint {
    /// The imprint as `Display` writes it.
    pub fn read(text: &str) -> Option<Self> {
        let (size, root) = text.trim().split_once(' ')?;
        let is_root = unhex(root).is_some_and(|root| root.len() == size_of::<Hash>());
        Some(Self { size: size.parse().ok()?, root: root.to_owned() }).filter(|_| is_root)
    }
}

impl std::fmt::Display for Imprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.size, self.root)
    }
}

/// What is known of the seals from outside the database; what is not known is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trusted {
    /// The public key that makes the seals.
    pub key: Option<String>,
    /// The newest seal that was seen.
    pub last: Option<Imprint>,
}

/// Shows that one entry of the books is under a seal. Whoever has the public key can check it without the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    pub entry: String,
    pub digest: String,
    pub position: u64,
    pub path: Vec<String>,
    pub seal: Seal,
}

impl Inclusion {
    pub fn holds(&self, tenant: TenantId, trusted_key: &str) -> bool {
        let path: Option<Vec<Hash>> = self.path.iter().map(|step| unhex(step)?.try_into().ok()).collect();
        let (Some(path), Some(digest)) = (path, unhex(&self.digest)) else { return false };
        let root = super::merkle::root_by_proof(super::merkle::leaf(&digest), self.position, self.seal.size, &path);
        root.is_some_and(|root| hex(&root) == self.seal.root)
            && self.seal.key == trusted_key
            && self.seal.is_signed(tenant)
    }
}

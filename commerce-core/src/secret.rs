//! What must not be known: passwords, keys, codes. Kept as hashes, or derived from the one master key, never written down.

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use std::fmt;
use totp_rs::{Builder, Totp};

/// From which secrets of the shop are derived, so that no copy of its database holds them.
#[derive(Clone)]
pub struct MasterKey([u8; 32]);

impl MasterKey {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key as its file holds it: 64 hexadecimal digits.
    pub fn read(text: &str) -> Option<Self> {
        crate::ledger::unhex(text.trim())?.try_into().ok().map(Self)
    }

    /// The secret of this purpose and thing: always the same, and nothing tells it from chance.
    pub(crate) fn derive(&self, purpose: &str, of: impl fmt::Display, generation: i64) -> [u8; 32] {
        // A key shorter than a block counts as filled up with zeros.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&block.into());
        mac.update(format!("{purpose}\n{of}\n{generation}").as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

/// Something that is told once to whoever it is for, and never printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What only somebody with the secret can say of a text: its HMAC-SHA256, in hexadecimal digits.
pub(crate) fn sign(secret: &Secret, text: &str) -> String {
    let key = secret.reveal().as_bytes();
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    crate::ledger::hex(&mac.finalize().into_bytes())
}

/// The hash under which a token or key is kept. It is long and random itself: no salt, no cost is needed.
pub(crate) fn hash_token(token: &str) -> String {
    crate::ledger::hex(&Sha256::digest(token))
}

/// A password as it is kept. Takes some 20 ms on purpose: call it where nobody waits behind it.
pub(crate) fn hash_password(password: &str, salt: &[u8; 16]) -> Option<String> {
    let hashed = Argon2::default().hash_password_with_salt(password.as_bytes(), salt);
    hashed.map(|hash: PasswordHash| hash.to_string()).ok()
}

pub(crate) fn is_password(password: &str, kept: &str) -> bool {
    Argon2::default().verify_password(password.as_bytes(), kept).is_ok()
}

/// The codes of a second factor (RFC 6238: six digits, thirty seconds, a step to either side).
pub(crate) struct Codes(Totp);

impl Codes {
    /// None if no second factor can be made of this secret, which is long enough.
    pub(crate) fn of(secret: &[u8; 32]) -> Option<Self> {
        Builder::new().with_secret(&secret[..20]).build().ok().map(Self)
    }

    /// The secret as people type it into their app.
    pub(crate) fn secret(&self) -> String {
        self.0.secret().to_base32()
    }

    /// The step of the clock that this code is of, if it is of one close to now.
    pub(crate) fn step_of(&self, code: &str, now_seconds: u64) -> Option<i64> {
        self.0.check(code, now_seconds).and_then(|step| i64::try_from(step).ok())
    }

    #[cfg(test)]
    pub(crate) fn at(&self, seconds: u64) -> String {
        self.0.generate(seconds).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_known_again_and_never_twice_the_same() {
        let kept = hash_password("绿水青山 green hills", &[1; 16]).unwrap();
        assert!(kept.starts_with("$argon2id$"), "{kept}");
        assert!(is_password("绿水青山 green hills", &kept));
        assert!(!is_password("绿水青山 green hill", &kept));
        assert_ne!(Some(&kept), hash_password("绿水青山 green hills", &[2; 16]).as_ref());
        assert!(!is_password("", "not a hash"));
    }

    #[test]
    fn secrets_differ_by_purpose_thing_and_generation() {
        let key = MasterKey::new([7; 32]);
        let all = [key.derive("a", "b", 1), key.derive("b", "b", 1), key.derive("a", "c", 1), key.derive("a", "b", 2)];
        assert!(all.iter().enumerate().all(|(i, one)| all[..i].iter().all(|other| other != one)));
        assert_eq!(key.derive("a", "b", 1), all[0]);
        assert_ne!(MasterKey::new([8; 32]).derive("a", "b", 1), all[0]);
        assert_eq!(format!("{key:?}"), "MasterKey");
        assert_eq!(MasterKey::read(&format!("{}\n", "07".repeat(32))).unwrap().derive("a", "b", 1), all[0]);
        assert!(MasterKey::read("07").is_none() && MasterKey::read(&"0x".repeat(32)).is_none());
    }

    #[test]
    fn a_signature_is_that_of_rfc_4231() {
        let secret = Secret::new("Jefe".to_owned());
        let signed = sign(&secret, "what do ya want for nothing?");
        assert_eq!(signed, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn a_code_is_good_for_its_step_and_the_ones_beside_it() {
        let codes = Codes::of(&[3; 32]).unwrap();
        let code = codes.at(1_000_000);
        let step = 1_000_000 / 30;
        for (seconds, expected) in [(1_000_000, Some(step)), (1_000_025, Some(step)), (1_000_100, None)] {
            assert_eq!(codes.step_of(&code, seconds), expected, "{seconds}");
        }
        assert_eq!(codes.step_of("", 1_000_000), None);
        assert_eq!(codes.step_of("１２３４５６", 1_000_000), None);
    }
}

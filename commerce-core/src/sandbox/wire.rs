//! What goes over the wire between a merchant and the sandbox: messages, and how they are signed. The merchant signs its
//! requests with its key, the sandbox its notifications with its own; each knows the other's public key.

use crate::ledger::{hex, unhex};
use crate::money::Money;
use crate::port::{
    Claim, DisputeStanding, Forged, News, Notification, RawNotification, Receipt, RefundStanding, Standing,
};
use crate::time::{MINUTE, Timestamp};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

pub const TIMESTAMP: &str = "sandbox-timestamp";
pub const SIGNATURE: &str = "sandbox-signature";

/// A message that was signed longer ago than this is not believed: who recorded it could send it again.
const BELIEVED_FOR: i64 = 5 * MINUTE;

/// The sandbox's key, and the public key of its merchant.
pub struct Keys {
    own: SigningKey,
    merchant: VerifyingKey,
}

/// The merchant's key, and the public key of the sandbox.
pub struct MerchantKeys {
    own: SigningKey,
    sandbox: VerifyingKey,
}

/// Both sides of one connection, made from one secret: for a sandbox and a shop on one machine.
pub fn keys_from(secret: &str) -> (Keys, MerchantKeys) {
    use sha2::{Digest, Sha256};
    let key = |side: &str| SigningKey::from_bytes(&Sha256::digest(format!("{side}\n{secret}")).into());
    let (sandbox, merchant) = (key("sandbox"), key("merchant"));
    let keys = Keys { own: sandbox.clone(), merchant: merchant.verifying_key() };
    (keys, MerchantKeys { sandbox: sandbox.verifying_key(), own: merchant })
}

/// Something that happened, as the sandbox tells it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Event {
    pub event_id: String,
    pub kind: EventKind,
    pub merchant: String,
    /// The merchant's number of the payment or refund; of a dispute, that of the payment.
    pub no: String,
    pub channel_no: String,
    pub amount: Money,
    pub at: Timestamp,
    /// Of a dispute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<ClaimTerms>,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ClaimTerms {
    pub reason: String,
    pub due_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum EventKind {
    #[serde(rename = "payment.paid")]
    PaymentPaid,
    #[serde(rename = "refund.done")]
    RefundDone,
    #[serde(rename = "dispute.opened")]
    DisputeOpened,
    #[serde(rename = "dispute.won")]
    DisputeWon,
    #[serde(rename = "dispute.lost")]
    DisputeLost,
}

impl Keys {
    pub(super) fn sign_event(&self, event: &Event, at: Timestamp) -> RawNotification {
        signed(&self.own, event, at)
    }

    /// What somebody without the key would send.
    pub(super) fn forge(&self, event: &Event, at: Timestamp) -> RawNotification {
        signed(&SigningKey::from_bytes(&[0x66; 32]), event, at)
    }

    /// Whether the merchant sent this request just now.
    pub fn believes(&self, request: &str, timestamp: &str, signature: &str, now: Timestamp) -> Result<(), Forged> {
        believe(&self.merchant, request, timestamp, signature, now)
    }
}

impl MerchantKeys {
    /// The headers that go with a request: timestamp and signature.
    pub fn sign_request(&self, request: &str, now: Timestamp) -> [(&'static str, String); 2] {
        sign(&self.own, request, now)
    }

    pub fn read_notification(&self, message: &RawNotification, now: Timestamp) -> Result<Notification, Forged> {
        let header = |name| message.header(name).ok_or(Forged::Signature);
        believe(&self.sandbox, &message.body, header(TIMESTAMP)?, header(SIGNATURE)?, now)?;
        let event: Event = serde_json::from_str(&message.body).map_err(|_| Forged::Unreadable)?;
        let news = event.news().ok_or(Forged::Unreadable)?;
        Ok(Notification { event_id: event.event_id, news })
    }
}

impl Event {
    fn news(&self) -> Option<News> {
        let channel_no = self.channel_no.clone();
        Some(match self.kind {
            EventKind::PaymentPaid => News::Payment {
                payment: self.no.parse().ok()?,
                standing: Standing::Paid(Receipt { channel_no, merchant: self.merchant.clone(), amount: self.amount }),
            },
            EventKind::RefundDone => News::Refund {
                refund: self.no.parse().ok()?,
                standing: RefundStanding::Refunded { channel_no, amount: self.amount },
            },
            EventKind::DisputeOpened => self.claim(DisputeStanding::Open)?,
            EventKind::DisputeWon => self.claim(DisputeStanding::Won)?,
            EventKind::DisputeLost => self.claim(DisputeStanding::Lost)?,
        })
    }

    fn claim(&self, standing: DisputeStanding) -> Option<News> {
        let terms = self.claim.as_ref()?;
        Some(News::Dispute(Claim {
            payment: self.no.parse().ok()?,
            channel_no: self.channel_no.clone(),
            amount: self.amount,
            reason: terms.reason.clone(),
            due_at: terms.due_at,
            standing,
        }))
    }
}

fn signed(key: &SigningKey, event: &Event, at: Timestamp) -> RawNotification {
    // An event is made of texts, amounts and times, which always serialise.
    let body = serde_json::to_string(event).unwrap_or_default();
    let headers = sign(key, &body, at).map(|(name, value)| (name.to_owned(), value)).to_vec();
    RawNotification { headers, body }
}

fn sign(key: &SigningKey, text: &str, at: Timestamp) -> [(&'static str, String); 2] {
    let timestamp = at.micros().to_string();
    let signature = hex(&key.sign(to_sign(&timestamp, text).as_bytes()).to_bytes());
    [(TIMESTAMP, timestamp), (SIGNATURE, signature)]
}

fn believe(key: &VerifyingKey, text: &str, timestamp: &str, signature: &str, now: Timestamp) -> Result<(), Forged> {
    let signature = unhex(signature).and_then(|bytes| Signature::from_slice(&bytes).ok()).ok_or(Forged::Signature)?;
    key.verify_strict(to_sign(timestamp, text).as_bytes(), &signature).map_err(|_| Forged::Signature)?;
    let at: i64 = timestamp.parse().map_err(|_| Forged::Signature)?;
    let age = now.micros().saturating_sub(at);
    if age.saturating_abs() > BELIEVED_FOR { Err(Forged::Stale) } else { Ok(()) }
}

fn to_sign(timestamp: &str, text: &str) -> String {
    format!("{timestamp}\n{text}")
}

//! What merchants and the sandbox say to each other over HTTP: the bodies of requests and answers, and what is signed.

use commerce_core::money::Money;
use commerce_core::payment::DisputeAnswer;
use commerce_core::time::Timestamp;
use serde::{Deserialize, Serialize};

pub(crate) const PAYMENTS: &str = "/v1/payments";
pub(crate) const REFUNDS: &str = "/v1/refunds";
pub(crate) const DISPUTES: &str = "/v1/disputes";
pub(crate) const STATEMENTS: &str = "/v1/statements";

/// The code of an error that says: of this payment, refund or dispute the sandbox has never heard.
pub(crate) const UNKNOWN: &str = "unknown";

/// What the signature of a request is over.
pub(crate) fn to_sign(method: &str, path: &str, body: &str) -> String {
    format!("{method}\n{path}\n{body}")
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NewPayment {
    /// The merchant's number.
    pub(crate) trade_no: String,
    pub(crate) amount: Money,
    /// What the shopper reads on the payment page.
    pub(crate) description: String,
    pub(crate) expires_at: Timestamp,
    /// Where the merchant wants to be told; empty where it does not.
    #[serde(default)]
    pub(crate) notify_url: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Payment {
    pub(crate) trade_no: String,
    pub(crate) channel_no: String,
    pub(crate) merchant: String,
    pub(crate) amount: Money,
    pub(crate) description: String,
    /// `OPEN`, `PAID` or `CLOSED`.
    pub(crate) state: String,
    pub(crate) expires_at: Timestamp,
    pub(crate) paid_at: Option<Timestamp>,
    pub(crate) pay_url: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct NewRefund {
    /// The merchant's number.
    pub(crate) refund_no: String,
    pub(crate) trade_no: String,
    pub(crate) amount: Money,
    #[serde(default)]
    pub(crate) reason: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refund {
    pub(crate) refund_no: String,
    pub(crate) trade_no: String,
    pub(crate) channel_no: String,
    pub(crate) amount: Money,
    pub(crate) done_at: Timestamp,
    /// Why not, if it was not done.
    pub(crate) failure: String,
}

/// What the merchant says to a dispute.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Reply {
    pub(crate) answer: DisputeAnswer,
    /// Anything that proves it; the sandbox only shows it.
    #[serde(default)]
    pub(crate) evidence: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Dispute {
    pub(crate) dispute_no: String,
    pub(crate) trade_no: String,
    pub(crate) amount: Money,
    pub(crate) reason: String,
    pub(crate) due_at: Timestamp,
    /// `OPEN`, `UNDER_REVIEW`, `MERCHANT_WON` or `BUYER_WON`.
    pub(crate) state: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) error: Reason,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Reason {
    pub(crate) code: String,
    pub(crate) message: String,
}

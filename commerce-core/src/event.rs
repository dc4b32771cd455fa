//! What happened, for everybody who was not there: written in the same commit as the change it tells of.

use crate::caller::Caller;
use crate::id::{Entity, Id};
use crate::time::Timestamp;
use serde_json::Value;

/// What subscribers get; `docs/event-schemas` says what each event holds.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Event {
    pub id: EventId,
    /// An [`EventName`] as text: a log may hold names that this program does not know.
    pub name: String,
    /// The version of the payload's schema.
    pub version: u32,
    /// The id of what changed, and its version after the change.
    pub subject: String,
    pub subject_version: i64,
    pub correlation_id: String,
    /// Who did it: `staff:li`, `shopper:cus_…`, `system`; empty in what was written before anybody noted it.
    pub actor: String,
    pub payload: Value,
    pub at: Timestamp,
}

/// Everything the shop tells of. A name never changes, and each has its schema.
#[rustfmt::skip]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display, strum::EnumIter)]
pub enum EventName {
    #[strum(to_string = "Order.Created")]             OrderCreated,
    #[strum(to_string = "Order.Imported")]            OrderImported,
    #[strum(to_string = "Order.Submitted")]           OrderSubmitted,
    #[strum(to_string = "Order.Paid")]                OrderPaid,
    #[strum(to_string = "Order.PaymentChanged")]      OrderPaymentChanged,
    #[strum(to_string = "Order.AddressChanged")]      OrderAddressChanged,
    #[strum(to_string = "Order.VariantSwapped")]      OrderVariantSwapped,
    #[strum(to_string = "Order.HoldExpired")]         OrderHoldExpired,
    #[strum(to_string = "Order.Canceled")]            OrderCanceled,
    #[strum(to_string = "Order.Allocated")]           OrderAllocated,
    #[strum(to_string = "Order.Picked")]              OrderPicked,
    #[strum(to_string = "Order.Packed")]              OrderPacked,
    #[strum(to_string = "Order.PartiallyShipped")]    OrderPartiallyShipped,
    #[strum(to_string = "Order.Shipped")]             OrderShipped,
    #[strum(to_string = "Order.InTransit")]           OrderInTransit,
    #[strum(to_string = "Order.Delivered")]           OrderDelivered,
    #[strum(to_string = "Order.Confirmed")]           OrderConfirmed,
    #[strum(to_string = "Order.Completed")]           OrderCompleted,
    #[strum(to_string = "Order.AfterSaleOpened")]     OrderAfterSaleOpened,
    #[strum(to_string = "Order.AfterSaleApplied")]    OrderAfterSaleApplied,
    #[strum(to_string = "Order.AfterSaleEnded")]      OrderAfterSaleEnded,
    #[strum(to_string = "Order.DeliveryResumed")]     OrderDeliveryResumed,
    #[strum(to_string = "Order.PartiallyRefunded")]   OrderPartiallyRefunded,
    #[strum(to_string = "Order.Refunded")]            OrderRefunded,
    #[strum(to_string = "Payment.Created")]           PaymentCreated,
    #[strum(to_string = "Payment.Succeeded")]         PaymentSucceeded,
    #[strum(to_string = "Payment.Failed")]            PaymentFailed,
    #[strum(to_string = "Payment.Closed")]            PaymentClosed,
    #[strum(to_string = "Refund.Requested")]          RefundRequested,
    #[strum(to_string = "Refund.Approved")]           RefundApproved,
    #[strum(to_string = "Refund.Succeeded")]          RefundSucceeded,
    #[strum(to_string = "Refund.Failed")]             RefundFailed,
    #[strum(to_string = "Dispute.AnswerNeeded")]      DisputeAnswerNeeded,
    #[strum(to_string = "Dispute.Answered")]          DisputeAnswered,
    #[strum(to_string = "Dispute.UnderReview")]       DisputeUnderReview,
    #[strum(to_string = "Dispute.Won")]               DisputeWon,
    #[strum(to_string = "Dispute.Lost")]              DisputeLost,
    #[strum(to_string = "AfterSale.Changed")]         AfterSaleChanged,
    #[strum(to_string = "GiftCard.Issued")]           GiftCardIssued,
    #[strum(to_string = "Statement.Reconciled")]      StatementReconciled,
    #[strum(to_string = "Product.Changed")]           ProductChanged,
    #[strum(to_string = "Price.Changed")]             PriceChanged,
    #[strum(to_string = "Stock.Counted")]             StockCounted,
    #[strum(to_string = "Stock.Low")]                 StockLow,
    #[strum(to_string = "Stock.SetAside")]            StockSetAside,
    #[strum(to_string = "Rule.Published")]            RulePublished,
    #[strum(to_string = "Rule.Withdrawn")]            RuleWithdrawn,
    #[strum(to_string = "Customer.Changed")]          CustomerChanged,
    #[strum(to_string = "Customer.Erased")]           CustomerErased,
    #[strum(to_string = "Shop.SettingsChanged")]      ShopSettingsChanged,
    #[strum(to_string = "Webhook.Added")]             WebhookAdded,
    #[strum(to_string = "Webhook.Changed")]           WebhookChanged,
    #[strum(to_string = "Webhook.SecretRotated")]     WebhookSecretRotated,
    #[strum(to_string = "Webhook.Removed")]           WebhookRemoved,
    #[strum(to_string = "Webhook.Replayed")]          WebhookReplayed,
    #[strum(to_string = "Staff.Hired")]               StaffHired,
    #[strum(to_string = "Staff.RoleChanged")]         StaffRoleChanged,
    #[strum(to_string = "Staff.Dismissed")]           StaffDismissed,
    #[strum(to_string = "Staff.SignedIn")]            StaffSignedIn,
    #[strum(to_string = "Staff.PasswordChanged")]     StaffPasswordChanged,
    #[strum(to_string = "Staff.PasswordReset")]       StaffPasswordReset,
    #[strum(to_string = "Staff.SecondFactorSet")]     StaffSecondFactorSet,
    #[strum(to_string = "Staff.SecondFactorDropped")] StaffSecondFactorDropped,
    #[strum(to_string = "ApiKey.Issued")]             ApiKeyIssued,
    #[strum(to_string = "ApiKey.Revoked")]            ApiKeyRevoked,
}

pub type EventId = Id<Event>;

impl Entity for Event {
    const PREFIX: &'static str = "evt";
}

/// An event that has its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    pub position: i64,
    pub tenant: crate::tenant::TenantId,
    pub event: Event,
}

impl Event {
    pub fn new(
        id: EventId,
        name: EventName,
        subject: impl ToString,
        caller: &Caller,
        at: Timestamp,
        payload: Value,
    ) -> Self {
        let (correlation_id, actor) = (caller.correlation_id.clone(), caller.named_actor());
        Self {
            id,
            name: name.to_string(),
            version: 1,
            subject: subject.to_string(),
            subject_version: 0,
            correlation_id,
            actor,
            payload,
            at,
        }
    }

    /// The version of the subject after the change.
    pub fn of_version(self, subject_version: i64) -> Self {
        Self { subject_version, ..self }
    }
}

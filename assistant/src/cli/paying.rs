//! How an order with its payments and refunds looks.

use super::output::{Shown, table};
use commerce_core::Paying;
use commerce_core::payment::{Payment, Refund, RefundState};
use serde_json::{Value, json};

/// Where the shopper pays, while something is open there.
pub(super) fn pay_url(paying: &Paying) -> Option<&str> {
    let open = paying.payments.iter().rfind(|payment| payment.state.is_open() && !payment.pay_url.is_empty());
    open.map(|payment| payment.pay_url.as_str())
}

impl Shown for Paying {
    fn as_json(&self) -> Value {
        let order = &self.order;
        json!({
            "order_no": order.order_no, "order": order.id, "state": order.state.to_string(), "status": self.status.to_string(),
            "total": order.total, "paid": order.paid, "pay_url": pay_url(self),
            "payments": self.payments.iter().map(payment_json).collect::<Vec<_>>(),
            "refunds": self.refunds.iter().map(refund_json).collect::<Vec<_>>(),
        })
    }

    fn as_text(&self) -> String {
        let order = &self.order;
        let mut text = format!(
            "{}  {}  {}  total {}  paid {}\n\n",
            order.order_no, order.state, self.status, order.total, order.paid
        );
        let payments: Vec<[String; 7]> = self.payments.iter().map(payment_row).collect();
        text += &table(["payment", "method", "state", ">amount", ">fee", ">refunded", "number there"], &payments);
        if !self.refunds.is_empty() {
            let refunds: Vec<[String; 5]> = self.refunds.iter().map(refund_row).collect();
            text += "\n";
            text += &table(["refund", "state", ">amount", "number there", "reason"], &refunds);
        }
        if let Some(url) = pay_url(self) {
            text += &format!("\npay at {url}\n");
        }
        let is_there = |state| self.refunds.iter().any(|refund| refund.state == state);
        if is_there(RefundState::Requested) {
            text += "\nA second person has to agree: `zhanggui refund ORDER --approve --by NAME`.\n";
        }
        if is_there(RefundState::Approved) || is_there(RefundState::Processing) {
            text += "\n`zhanggui chase` sends what is to go back and asks what became of it.\n";
        }
        text
    }
}

fn payment_json(payment: &Payment) -> Value {
    json!({
        "id": payment.id, "method": payment.channel, "state": payment.state.to_string(), "amount": payment.amount,
        "fee": payment.fee, "refunding": payment.refunding, "refunded": payment.refunded,
        "channel_no": payment.channel_no, "pay_url": payment.pay_url, "failure": payment.failure,
        "expires_at": payment.expires_at, "created_at": payment.created_at, "updated_at": payment.updated_at,
    })
}

fn refund_json(refund: &Refund) -> Value {
    json!({
        "id": refund.id, "payment": refund.payment, "state": refund.state.to_string(), "amount": refund.amount,
        "reason": refund.reason, "asked_by": refund.asked_by, "channel_no": refund.channel_no, "failure": refund.failure,
        "created_at": refund.created_at, "updated_at": refund.updated_at,
    })
}

fn payment_row(payment: &Payment) -> [String; 7] {
    [
        payment.id.to_string(),
        payment.channel.clone(),
        with_reason(payment.state.to_string(), &payment.failure),
        payment.amount.to_string(),
        payment.fee.to_string(),
        payment.refunded.to_string(),
        payment.channel_no.clone(),
    ]
}

fn refund_row(refund: &Refund) -> [String; 5] {
    [
        refund.id.to_string(),
        with_reason(refund.state.to_string(), &refund.failure),
        refund.amount.to_string(),
        refund.channel_no.clone(),
        refund.reason.clone(),
    ]
}

fn with_reason(state: String, failure: &str) -> String {
    if failure.is_empty() { state } else { format!("{state} ({failure})") }
}

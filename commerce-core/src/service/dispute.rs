//! Disputes: what the shop says to a buyer who asks the bank for the money back, and what it shows to prove it.

use super::{Desk, Shop};
use crate::caller::Caller;
use crate::event::{Event, EventName};
use crate::order::Order;
use crate::payment::{Dispute, DisputeAnswer, DisputeId, DisputeState, PaymentError};
use crate::permission::Permission;
use crate::store::Tx;
use serde_json::{Value, json};

const MOST_DISPUTES: u32 = 1_000;
const LONGEST_NOTE: usize = 2_000;

impl Shop {
    /// The disputes that are not decided, that due first first.
    pub async fn open_disputes(&self, caller: &Caller) -> Result<Vec<Dispute>, PaymentError> {
        caller.may(Permission::ReadOrders)?;
        Ok(self.desk.store.read().await?.open_disputes(caller.tenant, MOST_DISPUTES).await?)
    }

    pub async fn dispute(&self, caller: &Caller, id: DisputeId) -> Result<Dispute, PaymentError> {
        caller.may(Permission::ReadOrders)?;
        let found = self.desk.store.read().await?.disputes(caller.tenant, &[id]).await?.pop();
        found.ok_or(PaymentError::UnknownDispute)
    }

    /// The shop keeps the money: what it knows about the order goes to the channel, and what somebody has to say to it.
    pub async fn contest_dispute(&self, caller: &Caller, id: DisputeId, note: &str) -> Result<Dispute, PaymentError> {
        self.answer_dispute(caller, id, DisputeAnswer::Contest, note).await
    }

    /// The buyer is right: the money goes back as soon as the channel has heard it.
    pub async fn accept_dispute(&self, caller: &Caller, id: DisputeId) -> Result<Dispute, PaymentError> {
        self.answer_dispute(caller, id, DisputeAnswer::Accept, "").await
    }

    async fn answer_dispute(
        &self,
        caller: &Caller,
        id: DisputeId,
        answer: DisputeAnswer,
        note: &str,
    ) -> Result<Dispute, PaymentError> {
        caller.may(Permission::WriteDisputes)?;
        let desk = &*self.desk;
        let note = &note.chars().take(LONGEST_NOTE).collect::<String>();
        desk.store
            .write(move |mut tx| async move {
                let mut dispute = tx.disputes(caller.tenant, &[id]).await?.pop().ok_or(PaymentError::UnknownDispute)?;
                if dispute.state != DisputeState::Open {
                    return Err(PaymentError::UnknownDispute);
                }
                let (order, was) = (super::move_order::load(&mut tx, caller, dispute.order).await?, dispute.version);
                let evidence = match answer {
                    DisputeAnswer::Contest => evidence(&mut tx, caller, &order, &dispute, note).await?.to_string(),
                    DisputeAnswer::Accept => String::new(),
                };
                dispute.say(answer, evidence, desk.now());
                tx.save_disputes(caller.tenant, &[(&dispute, was)]).await?;
                tx.record(caller.tenant, &[dispute_event(desk, caller, &order, &dispute)]).await?;
                Ok(tx.keep(dispute).await?)
            })
            .await
    }
}

/// What the shop knows: what was bought, what was paid, what was sent and when, what went back. Names, phones and
/// addresses stay here: the bank knows its customer.
async fn evidence(
    tx: &mut Tx,
    caller: &Caller,
    order: &Order,
    dispute: &Dispute,
    note: &str,
) -> Result<Value, PaymentError> {
    let lines = tx.order_lines(caller.tenant, &[order.id]).await?;
    let parcels = tx.parcels(caller.tenant, &[order.id]).await?;
    let payments = tx.payments(caller.tenant, &[order.id]).await?;
    let refunds = tx.refunds_of(caller.tenant, &[order.id]).await?;
    let history = tx.history(caller.tenant, order.id).await?;
    let cases = tx.cases_of(caller.tenant, &[order.id]).await?;
    let lines: Vec<Value> = lines
        .iter()
        .map(|line| json!({ "title": line.title, "sku": line.sku_code, "qty": line.qty, "amount": line.amount }))
        .collect();
    let parcels: Vec<Value> = parcels
        .iter()
        .map(|parcel| {
            json!({ "state": parcel.state.to_string(), "carrier": parcel.carrier, "tracking_no": parcel.tracking_no })
        })
        .collect();
    let history: Vec<Value> = history.iter().map(|event| json!({ "what": event.name, "at": event.at })).collect();
    let paid = payments.iter().find(|payment| payment.id == dispute.payment);
    let refunds: Vec<Value> = refunds
        .iter()
        .filter(|refund| refund.payment == dispute.payment && refund.id != dispute.refund)
        .map(|refund| json!({ "state": refund.state.to_string(), "amount": refund.amount, "at": refund.updated_at }))
        .collect();
    let cases: Vec<Value> = cases
        .iter()
        .map(|case| {
            json!({ "kind": case.kind.to_string(), "reason": case.reason.to_string(), "status": case.status.to_string(),
                    "applied_at": case.applied_at, "resolution": case.resolution })
        })
        .collect();
    Ok(json!({
        "order_no": order.order_no, "placed_at": order.created_at, "state": order.state.to_string(), "total": order.total,
        "lines": lines, "payment": paid.map(|payment| json!({
            "channel_no": payment.channel_no, "amount": payment.amount, "created_at": payment.created_at,
        })),
        "parcels": parcels, "history": history, "refunds": refunds, "after_sale": cases, "note": note,
    }))
}

/// What a dispute came to; what the buyer and the channel wrote stays with the dispute.
pub(super) fn dispute_event(desk: &Desk, caller: &Caller, order: &Order, dispute: &Dispute) -> Event {
    let name = match dispute.state {
        DisputeState::Open => EventName::DisputeAnswerNeeded,
        DisputeState::Answering => EventName::DisputeAnswered,
        DisputeState::UnderReview => EventName::DisputeUnderReview,
        DisputeState::Won => EventName::DisputeWon,
        DisputeState::Lost => EventName::DisputeLost,
    };
    let payload = json!({
        "order": dispute.order, "order_no": order.order_no, "payment": dispute.payment, "channel": dispute.channel,
        "channel_no": dispute.channel_no, "state": dispute.state.to_string(), "amount": dispute.amount,
        "due_at": dispute.due_at,
    });
    Event::new(desk.id(dispute.updated_at), name, dispute.id, caller, dispute.updated_at, payload)
        .of_version(dispute.version)
}

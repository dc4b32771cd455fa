//! What buyers dispute with their banks.

use super::Service;
use super::caller::Signed;
use super::wire::{Answer, DisputeRef, Json, Money, OrderRef, Page, Path, PaymentRef, Time};
use axum::extract::State;
use commerce_core::payment;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(list_disputes)).routes(routes!(get_dispute)).routes(routes!(answer_dispute))
}

#[derive(Serialize, ToSchema)]
struct Dispute {
    id: DisputeRef,
    order: OrderRef,
    payment: PaymentRef,
    channel: String,
    channel_no: String,
    amount: Money,
    reason: String,
    /// `OPEN`, `ANSWERING`, `UNDER_REVIEW`, `WON` or `LOST`.
    state: String,
    answer: Option<String>,
    /// Until then the channel waits for an answer.
    due_at: Time,
    created_at: Time,
}

impl From<payment::Dispute> for Dispute {
    fn from(one: payment::Dispute) -> Self {
        Self {
            id: one.id.into(),
            order: one.order.into(),
            payment: one.payment.into(),
            channel: one.channel,
            channel_no: one.channel_no,
            amount: one.amount.into(),
            reason: one.reason,
            state: one.state.to_string(),
            answer: one.answer.map(|answer| answer.to_string()),
            due_at: one.due_at.into(),
            created_at: one.created_at.into(),
        }
    }
}

/// The disputes that are not decided.
#[utoipa::path(get, path = "/disputes", responses((status = 200, body = Page<Dispute>)))]
async fn list_disputes(State(service): State<Service>, Signed(caller): Signed) -> Answer<Page<Dispute>> {
    let disputes = service.shop.open_disputes(&caller).await?;
    Ok(Json(Page::whole(disputes.into_iter().map(Dispute::from))))
}

/// Look at a dispute.
#[utoipa::path(get, path = "/disputes/{dispute}", responses((status = 200, body = Dispute)))]
async fn get_dispute(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Dispute> {
    Ok(Json(service.shop.dispute(&caller, id.parse()?).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(tag = "answer", rename_all = "snake_case", deny_unknown_fields)]
enum DisputeReply {
    /// The buyer has no claim: what the shop knows of the order is shown as evidence.
    Contest {
        #[serde(default)]
        #[schema(max_length = 500)]
        note: String,
    },
    /// The buyer is right.
    Accept,
}

/// Answer a dispute. The answer is handed over to the channel until it has taken it.
#[utoipa::path(post, path = "/disputes/{dispute}/answer", responses((status = 200, body = Dispute)))]
async fn answer_dispute(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(reply): Json<DisputeReply>,
) -> Answer<Dispute> {
    let id = id.parse()?;
    Ok(Json(match reply {
        DisputeReply::Contest { note } => service.shop.contest_dispute(&caller, id, &note).await?.into(),
        DisputeReply::Accept => service.shop.accept_dispute(&caller, id).await?.into(),
    }))
}

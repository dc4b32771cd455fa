//! Where payment channels tell what happened. They prove who they are by their signature, and are answered "received" only
//! when it is on disk.

use super::Service;
use super::wire::{Answer, Json, Path};
use axum::extract::State;
use axum::http::HeaderMap;
use commerce_core::caller::Caller;
use commerce_core::id::Id;
use commerce_core::port::RawNotification;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(take_notification))
}

#[derive(Serialize, ToSchema)]
struct Received {
    received: bool,
}

/// Take a payment channel's notification. It is signed by the channel; nobody signs in here.
#[utoipa::path(
    post, path = "/callbacks/{shop}/{channel}", security(()), request_body(content = String, content_type = "application/json"),
    responses((status = 200, body = Received))
)]
async fn take_notification(
    State(service): State<Service>,
    Path((shop, channel)): Path<(String, String)>,
    headers: HeaderMap,
    body: String,
) -> Answer<Received> {
    let texts = headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let message = RawNotification { headers: texts.collect(), body };
    let caller = Caller::system(Id::derived("tenant", &shop));
    service.shop.take_notification(&caller, &channel, &message).await?;
    Ok(Json(Received { received: true }))
}

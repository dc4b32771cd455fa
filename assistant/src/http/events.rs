//! What happened: the operation log for people, the event log for programs.

use super::Service;
use super::caller::Signed;
use super::error::Problem;
use super::wire::{Answer, EventRef, Json, Page, Paging, Query, Time, cursor};
use axum::extract::State;
use commerce_core::event;
use commerce_core::store::EventSearch;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(list_audit)).routes(routes!(list_events))
}

/// Something that happened. The payload of each name has a schema under `docs/event-schemas/`.
#[derive(Serialize, ToSchema)]
pub(super) struct Event {
    id: EventRef,
    /// `Order.Created`
    name: String,
    version: u32,
    /// The id of what changed.
    subject: String,
    subject_version: i64,
    correlation_id: String,
    /// `staff:li`, `shopper:cus_…`, `system`
    actor: String,
    at: Time,
    #[schema(value_type = Object)]
    payload: Value,
}

impl From<event::Event> for Event {
    fn from(one: event::Event) -> Self {
        Self {
            id: one.id.into(),
            name: one.name,
            version: one.version,
            subject: one.subject,
            subject_version: one.subject_version,
            correlation_id: one.correlation_id,
            actor: one.actor,
            at: one.at.into(),
            payload: one.payload,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Who did it: `staff:li`.
    #[param(max_length = 80)]
    actor: Option<String>,
    /// `Order.Created`, or `Order` for all that begin so.
    #[param(max_length = 60)]
    name: Option<String>,
    /// The id of what changed.
    #[param(max_length = 80)]
    subject: Option<String>,
}

/// The operation log, newest first: who changed what.
#[utoipa::path(get, path = "/audit", params(AuditQuery, Paging), responses((status = 200, body = Page<Event>)))]
async fn list_audit(
    State(service): State<Service>,
    Signed(caller): Signed,
    Query(query): Query<AuditQuery>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Event>> {
    let limit = paging.limit()?;
    let search = EventSearch {
        actor: query.actor.unwrap_or_default(),
        name: query.name.unwrap_or_default(),
        subject: query.subject.unwrap_or_default(),
        after: paging.after()?,
    };
    let found = service.shop.audit(&caller, &search, limit + 1).await?;
    Ok(Json(Page::cut(found, limit, |one| cursor(one.at, one.id), Event::from)))
}

/// The event log from a position on, oldest first. Whoever hands back `next_cursor` misses nothing and sees nothing twice.
#[utoipa::path(get, path = "/events", params(Paging), responses((status = 200, body = Page<Event>)))]
async fn list_events(
    State(service): State<Service>,
    Signed(caller): Signed,
    Query(paging): Query<Paging>,
) -> Answer<Page<Event>> {
    let limit = paging.limit()?;
    let position = paging.cursor.as_deref().unwrap_or("0").parse();
    let position: i64 =
        position.map_err(|_| Problem::invalid("cursor: take next_cursor of the page before as it is"))?;
    let found = service.shop.events(&caller, position, limit).await?;
    // There is always a next page: what has not happened yet.
    let next = found.last().map_or(position, |last| last.position);
    let items = found.into_iter().map(|placed| placed.event.into()).collect();
    Ok(Json(Page { items, next_cursor: Some(next.to_string()) }))
}

//! Who outside hears of events, and what became of what they were told.

use super::Service;
use super::caller::Signed;
use super::wire::{
    Answer, Created, DONE, DeliveryRef, Done, EndpointRef, EventRef, Json, Page, Paging, Path, Query, Time, created,
    word,
};
use axum::extract::State;
use commerce_core::store::DeliverySearch;
use commerce_core::webhook;
use commerce_core::{EndpointChange as Change, EndpointSecret};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(list_endpoints, add_endpoint))
        .routes(routes!(change_endpoint, remove_endpoint))
        .routes(routes!(rotate_endpoint_secret))
        .routes(routes!(list_deliveries))
        .routes(routes!(replay_delivery))
        .routes(routes!(replay_since))
}

/// Somebody outside who is told of events.
#[derive(Serialize, ToSchema)]
struct Endpoint {
    id: EndpointRef,
    url: String,
    /// Names of events, `Order.*` for all that begin so; none stands for all.
    events: Vec<String>,
    /// `ACTIVE`, `PAUSED` or `REMOVED`.
    state: String,
    /// How often in a row it did not take what it was sent.
    failures: u32,
    /// How many events were queued for it so far.
    sequence: i64,
    created_at: Time,
}

impl From<webhook::Endpoint> for Endpoint {
    fn from(one: webhook::Endpoint) -> Self {
        Self {
            id: one.id.into(),
            url: one.url,
            events: one.events,
            state: one.state.to_string(),
            failures: one.breaker.failures,
            sequence: one.sequence,
            created_at: one.created_at.into(),
        }
    }
}

/// The shop's endpoints.
#[utoipa::path(get, path = "/webhooks", responses((status = 200, body = Page<Endpoint>)))]
async fn list_endpoints(State(service): State<Service>, Signed(caller): Signed) -> Answer<Page<Endpoint>> {
    let endpoints = service.shop.endpoints(&caller).await?;
    Ok(Json(Page::whole(endpoints.into_iter().map(Endpoint::from))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEndpoint {
    #[schema(example = "https://erp.example.com/zhanggui", max_length = 500)]
    url: String,
    /// Names of events, `Order.*` for all that begin so; none stands for all.
    #[serde(default)]
    #[schema(max_items = 50)]
    events: Vec<String>,
}

/// An endpoint and its secret, which is told this once.
#[derive(Serialize, ToSchema)]
struct EndpointWithSecret {
    endpoint: Endpoint,
    /// What is sent carries `X-Zhanggui-Signature: v1=…`: HMAC-SHA256 with this over `timestamp.delivery.body`.
    secret: String,
}

impl From<EndpointSecret> for EndpointWithSecret {
    fn from(told: EndpointSecret) -> Self {
        Self { endpoint: told.endpoint.into(), secret: told.secret.reveal().to_owned() }
    }
}

/// Add an endpoint: it hears of what happens from now on.
#[utoipa::path(post, path = "/webhooks", responses((status = 201, body = EndpointWithSecret)))]
async fn add_endpoint(
    State(service): State<Service>,
    Signed(caller): Signed,
    Json(new): Json<NewEndpoint>,
) -> Created<EndpointWithSecret> {
    created(service.shop.add_endpoint(&caller, &new.url, &new.events).await?.into())
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum EndpointPace {
    /// Events wait until it goes on.
    Pause,
    GoOn,
}

/// What is to be otherwise; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndpointChange {
    #[schema(max_length = 500)]
    url: Option<String>,
    #[schema(max_items = 50)]
    events: Option<Vec<String>>,
    pace: Option<EndpointPace>,
}

/// Change an endpoint.
#[utoipa::path(patch, path = "/webhooks/{endpoint}", responses((status = 200, body = Endpoint)))]
async fn change_endpoint(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(given): Json<EndpointChange>,
) -> Answer<Endpoint> {
    let is_paused = given.pace.map(|pace| matches!(pace, EndpointPace::Pause));
    let change = Change { url: given.url, events: given.events, is_paused };
    Ok(Json(service.shop.change_endpoint(&caller, id.parse()?, &change).await?.into()))
}

/// Remove an endpoint. What was on its way to it is given up.
#[utoipa::path(delete, path = "/webhooks/{endpoint}", responses((status = 204)))]
async fn remove_endpoint(State(service): State<Service>, Signed(caller): Signed, Path(id): Path<String>) -> Done {
    service.shop.remove_endpoint(&caller, id.parse()?).await?;
    DONE
}

/// Give an endpoint a new secret. For a day the old one signs, too.
#[utoipa::path(post, path = "/webhooks/{endpoint}/rotation", responses((status = 200, body = EndpointWithSecret)))]
async fn rotate_endpoint_secret(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<EndpointWithSecret> {
    Ok(Json(service.shop.rotate_endpoint_secret(&caller, id.parse()?).await?.into()))
}

/// One event on its way to one endpoint.
#[derive(Serialize, ToSchema)]
struct Delivery {
    id: DeliveryRef,
    endpoint: EndpointRef,
    event: EventRef,
    /// Counts up for each endpoint.
    sequence: i64,
    /// `PENDING`, `DELIVERED`, or `DEAD`: given up after three days.
    state: String,
    attempts: u32,
    /// When it is tried next, while it is pending.
    next_at: Option<Time>,
    /// What the endpoint answered last.
    last_status: Option<u16>,
    last_error: String,
}

impl From<webhook::Delivery> for Delivery {
    fn from(one: webhook::Delivery) -> Self {
        let is_pending = one.state == webhook::DeliveryState::Pending;
        Self {
            id: one.id.into(),
            endpoint: one.endpoint.into(),
            event: one.event.into(),
            sequence: one.sequence,
            state: one.state.to_string(),
            attempts: one.attempts,
            next_at: is_pending.then_some(one.next_at.into()),
            last_status: one.last_status,
            last_error: one.last_error,
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DeliveryQuery {
    /// An endpoint's id.
    #[param(pattern = "^whe_[0-9a-f]{32}$")]
    endpoint: Option<String>,
    #[param(pattern = "^(PENDING|DELIVERED|DEAD)$")]
    state: Option<String>,
}

/// What endpoints were told, newest first.
#[utoipa::path(get, path = "/webhook-deliveries", params(DeliveryQuery, Paging), responses((status = 200, body = Page<Delivery>)))]
async fn list_deliveries(
    State(service): State<Service>,
    Signed(caller): Signed,
    Query(query): Query<DeliveryQuery>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Delivery>> {
    let limit = paging.limit()?;
    let search = DeliverySearch {
        endpoint: query.endpoint.as_deref().map(str::parse).transpose()?,
        state: query.state.as_deref().map(|text| word(text, "state")).transpose()?,
        before: paging.cursor.as_deref().map(str::parse).transpose()?,
    };
    let found = service.shop.deliveries(&caller, &search, limit + 1).await?;
    Ok(Json(Page::cut(found, limit, |one| one.id.to_string(), Delivery::from)))
}

/// Send an event anew, under the same ids.
#[utoipa::path(post, path = "/webhook-deliveries/{delivery}/replay", responses((status = 200, body = Delivery)))]
async fn replay_delivery(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Delivery> {
    Ok(Json(service.shop.replay_delivery(&caller, id.parse()?).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Since {
    since: Time,
}

#[derive(Serialize, ToSchema)]
struct Replayed {
    deliveries: usize,
}

/// Send everything anew that happened since then and is settled with this endpoint.
#[utoipa::path(post, path = "/webhooks/{endpoint}/replay", responses((status = 200, body = Replayed)))]
async fn replay_since(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(given): Json<Since>,
) -> Answer<Replayed> {
    Ok(Json(Replayed { deliveries: service.shop.replay_since(&caller, id.parse()?, given.since.0).await? }))
}

//! How orders leave the house: parcels, and proposals to split or merge them.

use super::Service;
use super::caller::Signed;
use super::error::Problem;
use super::orders::Order;
use super::wire::{
    Answer, DONE, Done, Json, LineRef, OrderRef, Page, ParcelRef, Path, ProposalRef, Query, Ref, Time, WarehouseRef,
    word,
};
use axum::extract::State;
use commerce_core::caller::Caller;
use commerce_core::{fulfilment, order};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(allocate_order))
        .routes(routes!(list_parcels))
        .routes(routes!(ship_parcel))
        .routes(routes!(deliver_parcel))
        .routes(routes!(list_proposals, make_proposals))
        .routes(routes!(decide_proposal))
}

/// Plan the parcels of a paid order: one for each warehouse its goods lie in.
#[utoipa::path(post, path = "/orders/{order}/allocation", responses((status = 200, body = Order)))]
async fn allocate_order(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Order> {
    Ok(Json(Order::seen(service.shop.allocate_order(&caller, id.parse()?).await?, &caller)?))
}

#[derive(Serialize, ToSchema)]
struct Parcel {
    id: ParcelRef,
    warehouse: WarehouseRef,
    /// `PLANNED`, `SHIPPED`, `DELIVERED` or `CANCELED`.
    state: String,
    carrier: String,
    tracking_no: String,
    items: Vec<ParcelItem>,
}

#[derive(Serialize, ToSchema)]
struct ParcelItem {
    order: OrderRef,
    line: LineRef,
    qty: i64,
}

impl From<fulfilment::Parcel> for Parcel {
    fn from(one: fulfilment::Parcel) -> Self {
        let item = |item: fulfilment::ParcelItem| ParcelItem {
            order: item.order.into(),
            line: item.line.into(),
            qty: item.qty,
        };
        Self {
            id: one.id.into(),
            warehouse: one.warehouse.into(),
            state: one.state.to_string(),
            carrier: one.carrier,
            tracking_no: one.tracking_no,
            items: one.items.into_iter().map(item).collect(),
        }
    }
}

/// The parcels of an order.
#[utoipa::path(get, path = "/orders/{order}/parcels", responses((status = 200, body = Page<Parcel>)))]
async fn list_parcels(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Page<Parcel>> {
    let parcels = service.shop.parcels(&caller, id.parse()?).await?;
    Ok(Json(Page::whole(parcels.into_iter().map(Parcel::from))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Shipment {
    #[schema(example = "SF", max_length = 40)]
    carrier: String,
    #[schema(example = "SF1423000012345", max_length = 60)]
    tracking_no: String,
}

fn seen(orders: Vec<order::Order>, caller: &Caller) -> Answer<Page<Order>> {
    let orders = orders.into_iter().map(|order| Order::seen(order, caller));
    Ok(Json(Page::whole(orders.collect::<Result<Vec<_>, Problem>>()?)))
}

/// A parcel has left. Answers with the orders in it.
#[utoipa::path(post, path = "/parcels/{parcel}/shipment", responses((status = 200, body = Page<Order>)))]
async fn ship_parcel(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(given): Json<Shipment>,
) -> Answer<Page<Order>> {
    let shipment = commerce_core::Shipment { carrier: given.carrier, tracking_no: given.tracking_no };
    seen(service.shop.ship_parcel(&caller, id.parse()?, &shipment).await?, &caller)
}

/// A parcel has arrived. Answers with the orders in it.
#[utoipa::path(post, path = "/parcels/{parcel}/delivery", responses((status = 200, body = Page<Order>)))]
async fn deliver_parcel(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Page<Order>> {
    seen(service.shop.deliver_parcel(&caller, id.parse()?).await?, &caller)
}

#[derive(Serialize, ToSchema)]
struct Proposal {
    id: ProposalRef,
    /// `split` or `merge`.
    kind: String,
    orders: Vec<OrderRef>,
    /// `warehouses`, `presale`, `weight` or `same_door`.
    reason: String,
    parcels: usize,
    /// `OPEN`, `ACCEPTED`, `DECLINED` or `STALE`.
    state: String,
    created_at: Time,
}

impl From<fulfilment::Proposal> for Proposal {
    fn from(one: fulfilment::Proposal) -> Self {
        Self {
            id: one.id.into(),
            kind: one.kind.to_string(),
            orders: one.orders.into_iter().map(Ref::from).collect(),
            reason: one.reason.to_string(),
            parcels: one.plan.len(),
            state: one.state.to_string(),
            created_at: one.created_at.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ProposalQuery {
    #[param(pattern = "^(OPEN|ACCEPTED|DECLINED|STALE)$")]
    state: Option<String>,
}

/// Proposals to split or merge orders.
#[utoipa::path(get, path = "/proposals", params(ProposalQuery), responses((status = 200, body = Page<Proposal>)))]
async fn list_proposals(
    State(service): State<Service>,
    Signed(caller): Signed,
    Query(query): Query<ProposalQuery>,
) -> Answer<Page<Proposal>> {
    let state = query.state.as_deref().map(|text| word(text, "state")).transpose()?;
    let proposals = service.shop.proposals(&caller, state).await?;
    Ok(Json(Page::whole(proposals.into_iter().map(Proposal::from))))
}

#[derive(Serialize, ToSchema)]
struct Proposed {
    made: usize,
}

/// Look for orders that had better be split or merged.
#[utoipa::path(post, path = "/proposals", responses((status = 200, body = Proposed)))]
async fn make_proposals(State(service): State<Service>, Signed(caller): Signed) -> Answer<Proposed> {
    Ok(Json(Proposed { made: service.shop.propose(&caller).await? }))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ProposalVerdict {
    Accept,
    Decline,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProposalDecision {
    verdict: ProposalVerdict,
}

/// Accept a proposal, or decline it.
#[utoipa::path(post, path = "/proposals/{proposal}/decision", responses((status = 204)))]
async fn decide_proposal(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(given): Json<ProposalDecision>,
) -> Done {
    let id = id.parse()?;
    match given.verdict {
        ProposalVerdict::Accept => drop(service.shop.accept_proposal(&caller, id).await?),
        ProposalVerdict::Decline => service.shop.decline_proposal(&caller, id).await?,
    }
    DONE
}

//! After-sale cases: refunds, returns, exchanges, complaints, compensations.

use super::Service;
use super::caller::{Keyed, Signed};
use super::wire::{
    Answer, CaseRef, Created, IdempotencyKey, Json, LineRef, Money, OrderRef, Page, Path, Ref, SkuRef, Time, created,
    word,
};
use axum::extract::State;
use commerce_core::after_sale::{self, CaseKind};
use commerce_core::money::Money as Exact;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(list_cases, apply_after_sale))
        .routes(routes!(list_open_cases))
        .routes(routes!(decide_case))
        .routes(routes!(receive_returned))
        .routes(routes!(withdraw_case))
        .routes(routes!(compensate))
}

#[derive(Serialize, ToSchema)]
struct Case {
    id: CaseRef,
    order: OrderRef,
    line: Option<LineRef>,
    /// `refund`, `return`, `exchange`, `compensation` or `complaint`.
    kind: String,
    qty: u32,
    exchange_to: Option<SkuRef>,
    reason_code: String,
    note: String,
    /// `REQUESTED`, `APPROVED`, `PROCESSING`, `DONE`, `FAILED`, `REJECTED` or `WITHDRAWN`.
    status: String,
    refund_amount: Money,
    resolution: String,
    applied_at: Time,
    processed_at: Option<Time>,
    /// By when the shop is to have answered.
    due_at: Time,
}

impl From<after_sale::Case> for Case {
    fn from(one: after_sale::Case) -> Self {
        Self {
            id: one.id.into(),
            order: one.order.into(),
            line: one.line.map(Ref::from),
            kind: one.kind.to_string(),
            qty: one.qty,
            exchange_to: one.exchange_to.map(Ref::from),
            reason_code: one.reason.to_string(),
            note: one.note,
            status: one.status.to_string(),
            refund_amount: one.refund_amount.into(),
            resolution: one.resolution,
            applied_at: one.applied_at.into(),
            processed_at: one.processed_at.map(Time::from),
            due_at: one.due_at.into(),
        }
    }
}

/// The cases of an order, oldest first.
#[utoipa::path(get, path = "/orders/{order}/cases", responses((status = 200, body = Page<Case>)))]
async fn list_cases(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Page<Case>> {
    let cases = service.shop.cases(&caller, id.parse()?).await?;
    Ok(Json(Page::whole(cases.into_iter().map(Case::from))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Application {
    #[schema(pattern = "^(refund|return|exchange|complaint)$")]
    kind: String,
    #[schema(max_items = 100)]
    items: Vec<CaseItem>,
    /// The variant wanted instead, for an exchange.
    exchange_to: Option<SkuRef>,
    /// `changed_mind`, `wrong_variant`, `damaged`, `spoiled`, `not_as_described`, `wrong_goods`, `missing`, `lost`, `late` or `other`.
    #[schema(example = "damaged")]
    reason_code: String,
    #[serde(default)]
    #[schema(max_length = 500)]
    note: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CaseItem {
    line: LineRef,
    #[schema(minimum = 1, maximum = 9999)]
    qty: u32,
}

/// Apply for something to be done about lines of an order: one case for each.
#[utoipa::path(post, path = "/orders/{order}/cases", params(IdempotencyKey), responses((status = 201, body = Page<Case>)))]
async fn apply_after_sale(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Path(id): Path<String>,
    Json(given): Json<Application>,
) -> Created<Page<Case>> {
    let request = commerce_core::CaseRequest {
        kind: word::<CaseKind>(&given.kind, "kind")?,
        items: given.items.iter().map(|item| (item.line.0, item.qty)).collect(),
        exchange_to: given.exchange_to.map(|sku| sku.0),
        reason: word(&given.reason_code, "reason_code")?,
        note: given.note,
    };
    let cases = service.shop.apply_after_sale(&caller, id.parse()?, &request).await?;
    created(Page::whole(cases.into_iter().map(Case::from)))
}

/// The cases that wait for the shop, those due first first.
#[utoipa::path(get, path = "/cases/open", responses((status = 200, body = Page<Case>)))]
async fn list_open_cases(State(service): State<Service>, Signed(caller): Signed) -> Answer<Page<Case>> {
    let cases = service.shop.open_cases(&caller).await?;
    Ok(Json(Page::whole(cases.into_iter().map(Case::from))))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CaseVerdict {
    Approve,
    Reject,
    /// A complaint has been answered.
    Close,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CaseDecision {
    verdict: CaseVerdict,
    #[schema(max_length = 500)]
    resolution: String,
}

/// Decide a case. Where goods have to come back first, an approved one waits for them.
#[utoipa::path(post, path = "/cases/{case}/decision", params(IdempotencyKey), responses((status = 200, body = Case)))]
async fn decide_case(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Path(id): Path<String>,
    Json(given): Json<CaseDecision>,
) -> Answer<Case> {
    let (id, said) = (id.parse()?, given.resolution.as_str());
    let case = match given.verdict {
        CaseVerdict::Approve => service.shop.approve_case(&caller, id, said).await?,
        CaseVerdict::Reject => service.shop.reject_case(&caller, id, said).await?,
        CaseVerdict::Close => service.shop.close_complaint(&caller, id, said).await?,
    };
    Ok(Json(case.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Condition {
    /// Goes back to the pile it came from.
    Resell,
    Scrap,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReturnedGoods {
    condition: Condition,
}

/// The goods of a case have come back: the money goes back, or the other goods are got ready.
#[utoipa::path(post, path = "/cases/{case}/returned-goods", params(IdempotencyKey), responses((status = 200, body = Case)))]
async fn receive_returned(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Path(id): Path<String>,
    Json(given): Json<ReturnedGoods>,
) -> Answer<Case> {
    let condition = match given.condition {
        Condition::Resell => commerce_core::Condition::Resell,
        Condition::Scrap => commerce_core::Condition::Scrap,
    };
    Ok(Json(service.shop.receive_returned(&caller, id.parse()?, condition).await?.into()))
}

/// Withdraw a case.
#[utoipa::path(post, path = "/cases/{case}/withdrawal", responses((status = 200, body = Case)))]
async fn withdraw_case(State(service): State<Service>, Signed(caller): Signed, Path(id): Path<String>) -> Answer<Case> {
    Ok(Json(service.shop.withdraw_case(&caller, id.parse()?).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Compensation {
    amount: Money,
    #[schema(max_length = 200)]
    note: String,
}

/// Give a shopper something for their trouble, by the ways they paid.
#[utoipa::path(post, path = "/orders/{order}/compensations", params(IdempotencyKey), responses((status = 201, body = Case)))]
async fn compensate(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Path(id): Path<String>,
    Json(given): Json<Compensation>,
) -> Created<Case> {
    let amount = Exact::try_from(&given.amount)?;
    created(service.shop.compensate(&caller, id.parse()?, amount, &given.note).await?.into())
}

//! Money that goes back.

use super::Service;
use super::caller::{Keyed, Signed};
use super::payments::{PaymentView, Refund};
use super::wire::{Answer, IdempotencyKey, Json, Money, Page, Path, RefundRef};
use axum::extract::State;
use commerce_core::money::Money as Exact;
use commerce_core::payment::RefundId;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(refund_order))
        .routes(routes!(retry_refunds))
        .routes(routes!(list_refunds_to_approve))
        .routes(routes!(decide_refunds))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RefundRequest {
    amount: Money,
    #[schema(example = "蜂蜜瓶口渗漏", max_length = 200)]
    reason: String,
}

/// Give back a part of what an order cost, or all of it, by the ways it was paid. Above the shop's limit a second person
/// has to agree first.
#[utoipa::path(post, path = "/orders/{order}/refunds", params(IdempotencyKey), responses((status = 200, body = PaymentView)))]
async fn refund_order(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Path(id): Path<String>,
    Json(request): Json<RefundRequest>,
) -> Answer<PaymentView> {
    let amount = Exact::try_from(&request.amount)?;
    let paying = service.shop.refund(&caller, id.parse()?, amount, &request.reason).await?;
    Ok(Json(PaymentView::seen(paying, &caller)?))
}

/// Try again to give back what a channel would not take back.
#[utoipa::path(post, path = "/orders/{order}/refunds/retries", params(IdempotencyKey), responses((status = 200, body = PaymentView)))]
async fn retry_refunds(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Path(id): Path<String>,
) -> Answer<PaymentView> {
    Ok(Json(PaymentView::seen(service.shop.retry_refunds(&caller, id.parse()?).await?, &caller)?))
}

/// The refunds that wait for a second person, oldest first.
#[utoipa::path(get, path = "/refunds/to-approve", responses((status = 200, body = Page<Refund>)))]
async fn list_refunds_to_approve(State(service): State<Service>, Signed(caller): Signed) -> Answer<Page<Refund>> {
    let refunds = service.shop.refunds_to_approve(&caller).await?;
    Ok(Json(Page::whole(refunds.into_iter().map(Refund::from))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Decision {
    /// The refunds that were looked at.
    #[schema(min_items = 1, max_items = 100)]
    refunds: Vec<RefundRef>,
    verdict: Verdict,
    /// Why not, where they are rejected.
    #[serde(default)]
    #[schema(max_length = 200)]
    why: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Approve,
    Reject,
}

/// Agree to refunds of an order that somebody else asked for, or turn them down.
#[utoipa::path(post, path = "/orders/{order}/refunds/decisions", params(IdempotencyKey), responses((status = 200, body = PaymentView)))]
async fn decide_refunds(
    State(service): State<Service>,
    Keyed(caller): Keyed,
    Path(id): Path<String>,
    Json(given): Json<Decision>,
) -> Answer<PaymentView> {
    let order = id.parse()?;
    let refunds: Vec<RefundId> = given.refunds.iter().map(|refund| refund.0).collect();
    let paying = match given.verdict {
        Verdict::Approve => service.shop.approve_refunds(&caller, order, &refunds).await?,
        Verdict::Reject => service.shop.reject_refunds(&caller, order, &refunds, &given.why).await?,
    };
    Ok(Json(PaymentView::seen(paying, &caller)?))
}

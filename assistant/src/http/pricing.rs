//! What things cost beside their list price: for channels, members and activities.

use super::Service;
use super::caller::Signed;
use super::error::Problem;
use super::wire::{Answer, DONE, Done, Json, Money, Page, Path, Time};
use axum::extract::State;
use commerce_core::money::Money as Exact;
use commerce_core::pricing::{self, PriceRule};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(list_prices, set_prices))
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Price {
    /// `channel`, `member` or `activity`.
    #[schema(pattern = "^(channel|member|activity)$")]
    kind: String,
    /// Which one: a channel's name, a member level, an activity's id.
    #[schema(example = "gold", max_length = 60)]
    selector: String,
    amount: Money,
    valid_from: Time,
    valid_to: Time,
}

/// The prices of a SKU beside its list price.
#[utoipa::path(get, path = "/skus/{sku}/prices", responses((status = 200, body = Page<Price>)))]
async fn list_prices(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(sku): Path<String>,
) -> Answer<Page<Price>> {
    let prices = service.shop.prices(&caller, sku.parse()?).await?.into_iter();
    let price = |one: pricing::Price| Price {
        kind: one.rule.kind().to_owned(),
        selector: one.rule.selector(),
        amount: one.amount.into(),
        valid_from: one.valid_from.into(),
        valid_to: one.valid_to.into(),
    };
    Ok(Json(Page::whole(prices.map(price))))
}

/// Set prices of a SKU. One of the same kind, selector and beginning is replaced.
#[utoipa::path(put, path = "/skus/{sku}/prices", responses((status = 204)))]
async fn set_prices(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(sku): Path<String>,
    Json(given): Json<Vec<Price>>,
) -> Done {
    let sku = sku.parse()?;
    let price = |one: &Price| {
        let rule = PriceRule::read(&one.kind, &one.selector);
        let rule = rule.ok_or_else(|| Problem::invalid("kind and selector do not make a price rule"))?;
        let (from, to) = (one.valid_from.0, one.valid_to.0);
        Ok(pricing::Price::new(caller.tenant, sku, rule, Exact::try_from(&one.amount)?, (from, to)))
    };
    let prices = given.iter().map(price).collect::<Result<Vec<_>, Problem>>()?;
    service.shop.set_prices(&caller, &prices).await?;
    DONE
}

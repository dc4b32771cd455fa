//! The shop itself and what it decides for itself.

use super::Service;
use super::caller::{Signed, Visitor};
use super::error::Problem;
use super::wire::{Answer, Json, TenantRef};
use axum::extract::State;
use commerce_core::tenant;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(get_shop)).routes(routes!(get_settings, change_settings))
}

#[derive(Serialize, ToSchema)]
struct Shop {
    id: TenantRef,
    code: String,
    name: String,
    /// ISO 4217.
    currency: String,
}

/// Which shop this is.
#[utoipa::path(get, path = "/shop", security(()), responses((status = 200, body = Shop)))]
async fn get_shop(State(service): State<Service>, Visitor(caller): Visitor) -> Answer<Shop> {
    let shop = service.shop.own_tenant(&caller).await?;
    Ok(Json(Shop { id: shop.id.into(), code: shop.code, name: shop.name, currency: shop.currency.to_string() }))
}

/// Freight, tax, waiting times, second looks. What is left out has its default.
#[derive(Serialize, Deserialize, ToSchema)]
struct Settings {
    #[serde(flatten)]
    #[schema(value_type = Object)]
    settings: Value,
}

fn shown(settings: &tenant::Settings) -> Answer<Settings> {
    let settings = serde_json::to_value(settings).map_err(|error| Problem::internal(error.to_string()))?;
    Ok(Json(Settings { settings }))
}

/// The shop's settings.
#[utoipa::path(get, path = "/shop/settings", responses((status = 200, body = Settings)))]
async fn get_settings(State(service): State<Service>, Signed(caller): Signed) -> Answer<Settings> {
    shown(&service.shop.settings(&caller).await?)
}

/// Change the shop's settings: all of them at once.
#[utoipa::path(put, path = "/shop/settings", responses((status = 200, body = Settings)))]
async fn change_settings(
    State(service): State<Service>,
    Signed(caller): Signed,
    Json(given): Json<Settings>,
) -> Answer<Settings> {
    let settings: tenant::Settings =
        serde_json::from_value(given.settings).map_err(|error| Problem::invalid(format_args!("settings: {error}")))?;
    shown(&service.shop.change_settings(&caller, settings).await?.settings)
}

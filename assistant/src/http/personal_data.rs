//! What the shop knows of somebody: told to them, and forgotten, when they ask.

use super::Service;
use super::caller::{Signed, named};
use super::customers::{Address, CartItem, Customer};
use super::error::Problem;
use super::orders::OrderWithLines;
use super::rules::Coupon;
use super::wire::{Answer, DONE, Done, Json, Path};
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(export_personal_data, erase_personal_data))
}

/// Everything the shop knows of a customer.
#[derive(Serialize, ToSchema)]
struct PersonalData {
    customer: Customer,
    addresses: Vec<Address>,
    /// Newest first.
    orders: Vec<OrderWithLines>,
    coupons: Vec<Coupon>,
    cart: Vec<CartItem>,
}

/// Export everything the shop knows of a customer.
#[utoipa::path(get, path = "/customers/{customer}/personal-data", responses((status = 200, body = PersonalData)))]
async fn export_personal_data(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<PersonalData> {
    let known = service.shop.personal_data(&caller, named(&caller, &id)?).await?;
    let orders = known.orders.into_iter().map(|(order, lines)| OrderWithLines::seen(order, lines, &caller));
    Ok(Json(PersonalData {
        customer: known.customer.into(),
        addresses: known.addresses.into_iter().map(Address::from).collect(),
        orders: orders.collect::<Result<_, Problem>>()?,
        coupons: known.coupons.into_iter().map(Coupon::from).collect(),
        cart: known.cart.into_iter().map(CartItem::from).collect(),
    }))
}

/// Forget who a customer is. What they bought stays in the books without a name; they are signed out everywhere.
#[utoipa::path(delete, path = "/customers/{customer}/personal-data", responses((status = 204)))]
async fn erase_personal_data(State(service): State<Service>, Signed(caller): Signed, Path(id): Path<String>) -> Done {
    service.shop.erase_customer(&caller, named(&caller, &id)?).await?;
    DONE
}

//! Customers, their address books and carts. Shoppers write `me` where the shop's people write a customer's id.

use super::Service;
use super::caller::{Signed, named};
use super::wire::{
    ActivityRef, AddressRef, Answer, Created, CustomerRef, DONE, Done, Json, Page, Path, Query, Ref, SkuRef, Time,
    created,
};
use axum::extract::State;
use commerce_core::cart::CartLine;
use commerce_core::customer;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(find_customers))
        .routes(routes!(get_customer, change_customer))
        .routes(routes!(list_addresses, add_address))
        .routes(routes!(change_address, delete_address))
        .routes(routes!(get_cart, put_in_cart, remove_from_cart))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Customer {
    id: CustomerRef,
    code: String,
    /// Masked where the reader may not see personal data.
    name: String,
    #[schema(example = "138****1234")]
    phone: String,
    email: String,
    /// `regular`, `silver`, `gold` or `diamond`.
    level: String,
    tags: Vec<String>,
    created_at: Time,
}

impl From<customer::Customer> for Customer {
    fn from(one: customer::Customer) -> Self {
        Self {
            id: one.id.into(),
            code: one.code,
            name: one.name,
            phone: one.phone,
            email: one.email,
            level: one.level.to_string(),
            tags: one.tags,
            created_at: one.created_at.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CustomerQuery {
    /// A phone, a code, a part of a name, or the last digits of a phone.
    #[param(min_length = 1, max_length = 60)]
    words: String,
}

/// Find customers: at most fifty.
#[utoipa::path(get, path = "/customers", params(CustomerQuery), responses((status = 200, body = Page<Customer>)))]
async fn find_customers(
    State(service): State<Service>,
    Signed(caller): Signed,
    Query(query): Query<CustomerQuery>,
) -> Answer<Page<Customer>> {
    let found = service.shop.find_customers(&caller, &query.words).await?;
    Ok(Json(Page::whole(found.into_iter().map(Customer::from))))
}

/// Look at a customer.
#[utoipa::path(get, path = "/customers/{customer}", responses((status = 200, body = Customer)))]
async fn get_customer(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Customer> {
    Ok(Json(service.shop.customer(&caller, named(&caller, &id)?).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct CustomerChange {
    #[schema(max_length = 60)]
    name: Option<String>,
    #[schema(max_length = 120)]
    email: Option<String>,
}

/// Change a customer's name or e-mail.
#[utoipa::path(patch, path = "/customers/{customer}", responses((status = 200, body = Customer)))]
async fn change_customer(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(change): Json<CustomerChange>,
) -> Answer<Customer> {
    let id = named(&caller, &id)?;
    Ok(Json(service.shop.rename_customer(&caller, id, change.name, change.email).await?.into()))
}

/// Where a parcel goes.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Destination {
    #[schema(example = "王小满", max_length = 200)]
    recipient: String,
    #[schema(example = "13800001234", max_length = 200)]
    phone: String,
    #[schema(example = "浙江", max_length = 200)]
    province: String,
    #[schema(example = "杭州", max_length = 200)]
    city: String,
    #[serde(default)]
    #[schema(example = "西湖区", max_length = 200)]
    district: String,
    #[schema(example = "稻香路 8 号", max_length = 200)]
    street: String,
}

impl From<customer::Destination> for Destination {
    fn from(to: customer::Destination) -> Self {
        let customer::Destination { recipient, phone, province, city, district, street } = to;
        Self { recipient, phone, province, city, district, street }
    }
}

impl From<Destination> for customer::Destination {
    fn from(to: Destination) -> Self {
        let Destination { recipient, phone, province, city, district, street } = to;
        Self { recipient, phone, province, city, district, street }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct Address {
    id: AddressRef,
    destination: Destination,
    is_default: bool,
}

impl From<customer::Address> for Address {
    fn from(one: customer::Address) -> Self {
        Self { id: one.id.into(), destination: one.destination.into(), is_default: one.is_default }
    }
}

/// The addresses of a customer.
#[utoipa::path(get, path = "/customers/{customer}/addresses", responses((status = 200, body = Page<Address>)))]
async fn list_addresses(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Page<Address>> {
    let book = service.shop.addresses(&caller, named(&caller, &id)?).await?;
    Ok(Json(Page::whole(book.into_iter().map(Address::from))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAddress {
    destination: Destination,
    /// The first one is the default anyway.
    #[serde(default)]
    is_default: bool,
}

/// Add an address.
#[utoipa::path(post, path = "/customers/{customer}/addresses", responses((status = 201, body = Address)))]
async fn add_address(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(new): Json<NewAddress>,
) -> Created<Address> {
    let customer = named(&caller, &id)?;
    let new = commerce_core::NewAddress { customer, destination: new.destination.into(), is_default: new.is_default };
    let address = service.shop.add_address(&caller, new).await?;
    created(address.into())
}

/// Change an address. Orders keep the one they were placed with.
#[utoipa::path(put, path = "/customers/{customer}/addresses/{address}", responses((status = 204)))]
async fn change_address(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path((customer, address)): Path<(String, String)>,
    Json(new): Json<NewAddress>,
) -> Done {
    let (customer, id) = (named(&caller, &customer)?, address.parse()?);
    let (destination, is_default) = (new.destination.into(), new.is_default);
    service.shop.save_address(&caller, &customer::Address { id, customer, destination, is_default }).await?;
    DONE
}

/// Delete an address.
#[utoipa::path(delete, path = "/customers/{customer}/addresses/{address}", responses((status = 204)))]
async fn delete_address(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path((customer, address)): Path<(String, String)>,
) -> Done {
    service.shop.delete_address(&caller, named(&caller, &customer)?, address.parse()?).await?;
    DONE
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CartItem {
    sku: SkuRef,
    #[schema(minimum = 1, maximum = 9999)]
    qty: u32,
    /// The activity (seckill, live room) through which it was chosen.
    activity: Option<ActivityRef>,
}

impl From<commerce_core::Item> for CartItem {
    fn from(item: commerce_core::Item) -> Self {
        Self { sku: item.sku.into(), qty: item.qty, activity: item.activity.map(Ref::from) }
    }
}

/// What lies in the cart. What it would cost, a preview of the order says.
#[utoipa::path(get, path = "/customers/{customer}/cart", responses((status = 200, body = Page<CartItem>)))]
async fn get_cart(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Page<CartItem>> {
    let items = service.shop.cart(&caller, named(&caller, &id)?).await?;
    Ok(Json(Page::whole(items.into_iter().map(CartItem::from))))
}

/// Put so many of a SKU into the cart, in place of what lay there of it.
#[utoipa::path(put, path = "/customers/{customer}/cart", responses((status = 204)))]
async fn put_in_cart(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(item): Json<CartItem>,
) -> Done {
    let line = CartLine { sku: item.sku.0, activity: item.activity.map(|activity| activity.0), qty: item.qty };
    service.shop.put_in_cart(&caller, named(&caller, &id)?, &line).await?;
    DONE
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CartPlace {
    #[param(value_type = String, example = "sku_0190f3a2b4c5d6e7f8090a1b2c3d4e5f")]
    sku: SkuRef,
    #[param(value_type = Option<String>)]
    activity: Option<ActivityRef>,
}

/// Take a SKU out of the cart.
#[utoipa::path(delete, path = "/customers/{customer}/cart", params(CartPlace), responses((status = 204)))]
async fn remove_from_cart(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Query(place): Query<CartPlace>,
) -> Done {
    let activity = place.activity.map(|activity| activity.0);
    service.shop.remove_from_cart(&caller, named(&caller, &id)?, place.sku.0, activity).await?;
    DONE
}

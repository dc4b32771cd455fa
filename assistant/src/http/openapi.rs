//! The contract: an OpenAPI document made from the operations themselves, and a page to try them on.

use super::error::ErrorBody;
use super::{Service, operations};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Map, Value, json};
use std::sync::LazyLock;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_swagger_ui::{Config, SwaggerUi};

#[derive(OpenApi)]
#[openapi(components(schemas(ErrorBody)))]
struct Common;

/// Examples of every operation: requests that a test has sent, and what came back.
const EXAMPLES: &str = include_str!("../../../docs/api-examples.json");

/// The headers that clients send beside what every browser may.
pub(super) const REQUEST_HEADERS: [&str; 8] = [
    "authorization",
    "content-type",
    "accept-language",
    "accept-version",
    "x-shop",
    "x-request-id",
    "x-correlation-id",
    "x-idempotency-key",
];

const TAGS: [(&str, &str); 20] = [
    ("sessions", "Signing in and out"),
    ("catalogue", "Products, categories, batches, activities"),
    ("prices", "Prices beside the list price"),
    ("stock", "Warehouses, piles, counts"),
    ("customers", "Customers, addresses, carts"),
    ("orders", "Previews, orders and their changes"),
    ("payments", "Payments and gift cards"),
    ("refunds", "Money that goes back"),
    ("after-sale", "Refund, return, exchange, complaint"),
    ("disputes", "What buyers dispute with their banks"),
    ("fulfilment", "Parcels, splitting and merging"),
    ("rules", "Marketing rules and coupons"),
    ("ledger", "The books"),
    ("reconciliation", "Statements of channels compared with the books"),
    ("files", "Imports and exports"),
    ("events", "What happened, and who did it"),
    ("webhooks", "Who outside hears of events"),
    ("staff", "The shop's people and keys"),
    ("shop", "The shop and its settings"),
    ("callbacks", "What payment channels tell"),
];

/// What may stand in an address, by its name there.
const PLACES: [(&str, &str, &str); 21] = [
    ("customer", "A customer's id; shoppers write `me`", "^(me|cus_[0-9a-f]{32})$"),
    ("address", "An address's id", "^adr_[0-9a-f]{32}$"),
    ("order", "An order's id; where one order is looked at, its number will do", "^(ord_[0-9a-f]{32}|[0-9]{8,24})$"),
    ("product", "A product's id or code", "^[A-Za-z0-9._-]{1,80}$"),
    ("sku", "A SKU's id", "^sku_[0-9a-f]{32}$"),
    ("pile", "A pile's id", "^stk_[0-9a-f]{32}$"),
    ("activity", "An activity's id", "^act_[0-9a-f]{32}$"),
    ("case", "A case's id", "^asc_[0-9a-f]{32}$"),
    ("dispute", "A dispute's id", "^dsp_[0-9a-f]{32}$"),
    ("parcel", "A parcel's id", "^par_[0-9a-f]{32}$"),
    ("proposal", "A proposal's id", "^pro_[0-9a-f]{32}$"),
    ("rule", "A rule's own id", "^[A-Za-z0-9._-]{1,80}$"),
    ("transfer", "A transfer's id", "^tfr_[0-9a-f]{32}$"),
    ("channel", "A payment channel's code", "^[a-z0-9_-]{1,40}$"),
    ("difference", "A difference's id", "^dif_[0-9a-f]{32}$"),
    ("sheet", "What the file holds", "^(categories|warehouses|products|batches|prices|customers|stock|orders)$"),
    ("member", "The id of one of the shop's people", "^mem_[0-9a-f]{32}$"),
    ("key", "A key's id", "^key_[0-9a-f]{32}$"),
    ("shop", "A shop's code", "^[a-z0-9-]{1,40}$"),
    ("endpoint", "An endpoint's id", "^whe_[0-9a-f]{32}$"),
    ("delivery", "A delivery's id", "^whd_[0-9a-f]{32}$"),
];

/// Refusals that any operation may answer with.
const REFUSALS: [(&str, &str); 10] = [
    ("400", "The request cannot be understood, or a value in it is wrong"),
    ("401", "Nobody is signed in"),
    ("403", "Whoever is signed in may not do this"),
    ("404", "There is no such thing, or it is not yours"),
    ("409", "It cannot be done as things stand"),
    ("413", "The body is too large"),
    ("429", "Too many requests: come back after Retry-After seconds"),
    ("500", "Something went wrong on our side"),
    ("503", "Overloaded, or something the shop needs does not answer: come back after Retry-After seconds"),
    ("504", "It took too long: ask how it stands, or send it again with the same idempotency key"),
];

/// Puts every operation of a group under its name.
pub(super) fn tagged(tag: &str, mut group: OpenApiRouter<Service>) -> OpenApiRouter<Service> {
    for item in group.get_openapi_mut().paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        for operation in operations.into_iter().flatten() {
            operation.tags = Some(vec![tag.to_owned()]);
        }
    }
    group
}

/// The document as it is published.
pub(crate) fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
        let made = OpenApiRouter::with_openapi(Common::openapi()).merge(operations()).into_openapi();
        let mut document = serde_json::to_value(made).unwrap_or_default();
        complete(&mut document);
        document
    });
    &DOCUMENT
}

/// The document and the page, on every service.
pub(super) fn pages() -> Router<Service> {
    let config = Config::from("/openapi.json").try_it_out_enabled(true).filter(true).persist_authorization(true);
    let page = SwaggerUi::new("/docs").config(config);
    Router::from(page).route("/openapi.json", get(async || Json(document())))
}

fn complete(document: &mut Value) {
    document["openapi"] = json!("3.1.0");
    document["info"] = json!({
        "title": "Zhanggui 掌柜",
        "version": "1",
        "description": "The shop over HTTP. Sign in at `/sessions` or `/shopper-sessions` and send the token as `Authorization: Bearer`. \
            Whoever is not signed in names the shop by the header `X-Shop`. Amounts are text, exact to the smallest unit. \
            Lists have `items` and `next_cursor`. Every refusal has the same body, with a stable `code`.",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    document["servers"] = json!([{ "url": "/" }]);
    document["security"] = json!([{ "bearer": [] }]);
    document["tags"] = TAGS.iter().map(|(name, about)| json!({ "name": name, "description": about })).collect();
    let components = &mut document["components"];
    components["securitySchemes"] = json!({ "bearer": { "type": "http", "scheme": "bearer" } });
    components["parameters"] = common_headers();
    for (status, about) in REFUSALS {
        components["responses"][format!("Refused{status}")] = json!({
            "description": about,
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
        });
    }
    let examples: Map<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    let Some(paths) = document["paths"].as_object_mut() else { return };
    for (path, item) in paths {
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            complete_operation(path, operation);
            let id = operation["operationId"].as_str().unwrap_or_default().to_owned();
            if let Some(example) = examples.get(&id) {
                show_example(operation, example);
            }
        }
    }
}

fn common_headers() -> Value {
    let header = |name: &str, about: &str, pattern: &str| json!({ "name": name, "in": "header", "description": about, "required": false, "schema": { "type": "string", "pattern": pattern } });
    json!({
        "RequestId": header("X-Request-ID", "Comes back in the answer and in refusals; made up where it is left out.", "^[A-Za-z0-9._-]{1,64}$"),
        "CorrelationId": header("X-Correlation-ID", "Ties together what one thing at the client sets off; events carry it.", "^[A-Za-z0-9._-]{1,64}$"),
        "AcceptVersion": header("Accept-Version", "The version of this interface: 1.", "^1$"),
        "Shop": header("X-Shop", "The shop's code, where nobody is signed in.", "^[a-z0-9-]{1,40}$"),
    })
}

fn complete_operation(path: &str, operation: &mut Value) {
    let places: Vec<&str> = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    let mut parameters: Vec<Value> = operation["parameters"].as_array().cloned().unwrap_or_default();
    parameters.retain(|parameter| parameter["in"] != "path");
    parameters.extend(places.iter().map(|place| path_parameter(place)));
    let headers = ["RequestId", "CorrelationId", "AcceptVersion", "Shop"];
    parameters.extend(headers.map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })));
    operation["parameters"] = Value::Array(parameters);
    for (status, _) in REFUSALS {
        operation["responses"][status] = json!({ "$ref": format!("#/components/responses/Refused{status}") });
    }
}

fn path_parameter(place: &str) -> Value {
    let known = PLACES.iter().find(|(name, ..)| *name == place);
    let (about, pattern) = known.map_or(("", ".+"), |(_, about, pattern)| (*about, *pattern));
    json!({ "name": place, "in": "path", "required": true, "description": about, "schema": { "type": "string", "pattern": pattern } })
}

/// Puts a recorded request and its answer where readers of the document look for them.
fn show_example(operation: &mut Value, example: &Value) {
    let status = &example["status"];
    for (content, shown) in [
        ("/requestBody/content".to_owned(), &example["body"]),
        (format!("/responses/{status}/content"), &example["answer"]),
    ] {
        for media in
            operation.pointer_mut(&content).and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut)
        {
            media["example"] = shown.clone();
        }
    }
}

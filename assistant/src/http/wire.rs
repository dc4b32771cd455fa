//! What goes over the wire everywhere: money, times, ids, pages. Types of the core are never serialised: what clients rely on
//! is written down here and in the files of the operations, and nowhere else.

use super::error::Problem;
use axum::extract::{FromRequest, FromRequestParts, Request, rejection};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use commerce_core::id::{Entity, Id};
use commerce_core::money::{self, MoneyError};
use commerce_core::time::Timestamp;
use commerce_core::{
    after_sale, catalog, customer, event, fulfilment, inventory, ledger, order, payment, pricing, reconcile, staff,
    tenant, webhook,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::str::FromStr;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// An exact amount of a currency, as text with as many decimals as the currency has.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Money {
    #[schema(example = "59.90", pattern = r"^-?[0-9]{1,16}(\.[0-9]{1,3})?$")]
    amount: String,
    /// ISO 4217.
    #[schema(example = "CNY", pattern = "^[A-Z]{3}$")]
    currency: String,
}

impl From<money::Money> for Money {
    fn from(money: money::Money) -> Self {
        Self { amount: money.amount(), currency: money.currency().to_string() }
    }
}

impl TryFrom<&Money> for money::Money {
    type Error = MoneyError;

    fn try_from(wire: &Money) -> Result<Self, MoneyError> {
        Self::parse(&wire.amount, wire.currency.parse()?)
    }
}

/// An optional amount of a request.
pub(crate) fn maybe_money(wire: Option<&Money>) -> Result<Option<money::Money>, MoneyError> {
    wire.map(money::Money::try_from).transpose()
}

/// A moment, as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(pub(crate) Timestamp);

impl From<Timestamp> for Time {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer).map(Self)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Time {}

/// The id of something: `ord_0190f3…`.
pub(crate) struct Ref<T>(pub(crate) Id<T>);

// By name: the macro that documents a field looks through its generic arguments.
pub(crate) type ActivityRef = Ref<pricing::Activity>;
pub(crate) type AddressRef = Ref<customer::Address>;
pub(crate) type ApiKeyRef = Ref<staff::ApiKey>;
pub(crate) type BatchRef = Ref<catalog::Batch>;
pub(crate) type CaseRef = Ref<after_sale::Case>;
pub(crate) type CustomerRef = Ref<customer::Customer>;
pub(crate) type DeliveryRef = Ref<webhook::Delivery>;
pub(crate) type DisputeRef = Ref<payment::Dispute>;
pub(crate) type EndpointRef = Ref<webhook::Endpoint>;
pub(crate) type EventRef = Ref<event::Event>;
pub(crate) type GiftCardRef = Ref<payment::GiftCard>;
pub(crate) type LineRef = Ref<order::Line>;
pub(crate) type MemberRef = Ref<staff::Member>;
pub(crate) type OrderRef = Ref<order::Order>;
pub(crate) type ParcelRef = Ref<fulfilment::Parcel>;
pub(crate) type PaymentRef = Ref<payment::Payment>;
pub(crate) type PileRef = Ref<inventory::Pile>;
pub(crate) type ProductRef = Ref<catalog::Product>;
pub(crate) type ProposalRef = Ref<fulfilment::Proposal>;
pub(crate) type RefundRef = Ref<payment::Refund>;
pub(crate) type SkuRef = Ref<catalog::Sku>;
pub(crate) type StockEntryRef = Ref<inventory::InventoryTx>;
pub(crate) type TenantRef = Ref<tenant::Tenant>;
pub(crate) type TicketRef = Ref<reconcile::Ticket>;
pub(crate) type TransferRef = Ref<ledger::Transfer>;
pub(crate) type WarehouseRef = Ref<inventory::Warehouse>;

impl<T> Clone for Ref<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Ref<T> {}

impl<T> From<Id<T>> for Ref<T> {
    fn from(id: Id<T>) -> Self {
        Self(id)
    }
}

impl<T: Entity> Serialize for Ref<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: Entity> Deserialize<'de> for Ref<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer).map(Self)
    }
}

impl<T: Entity> PartialSchema for Ref<T> {
    fn schema() -> RefOr<Schema> {
        let pattern = format!("^{}_[0-9a-f]{{32}}$", T::PREFIX);
        ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).into()
    }
}

impl<T: Entity> ToSchema for Ref<T> {
    fn name() -> Cow<'static, str> {
        format!("{}_id", T::PREFIX).into()
    }
}

fn from_text<'de, T: FromStr, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error>
where
    T::Err: std::fmt::Display,
{
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

/// A word of the shop's own language in a request: a state, a kind.
pub(crate) fn word<T: FromStr>(text: &str, field: &str) -> Result<T, Problem> {
    let shown: String = text.chars().take(60).collect();
    text.parse().map_err(|_| Problem::invalid(format_args!("{field}: {shown:?} is none of the words it may be")))
}

/// A part of a list. Ask for the next one with `cursor`, until there is none.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T: ToSchema> {
    pub(crate) items: Vec<T>,
    /// Where the next page begins. Its form may change: hand it back as it is.
    pub(crate) next_cursor: Option<String>,
}

impl<T: ToSchema> Page<T> {
    /// Everything there is.
    pub(crate) fn whole(items: impl IntoIterator<Item = T>) -> Self {
        Self { items: items.into_iter().collect(), next_cursor: None }
    }

    /// A page of at most `limit` out of a list that was asked for one more.
    pub(crate) fn cut<S>(
        mut found: Vec<S>,
        limit: u32,
        cursor: impl Fn(&S) -> String,
        present: impl Fn(S) -> T,
    ) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let has_more = found.len() > limit;
        found.truncate(limit);
        let next_cursor = found.last().filter(|_| has_more).map(cursor);
        Self { items: found.into_iter().map(present).collect(), next_cursor }
    }
}

/// Which part of a list.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// At most so many, 1 to 200.
    #[serde(default = "fifty")]
    #[param(default = 50, minimum = 1, maximum = 200)]
    pub(crate) limit: u32,
    /// `next_cursor` of the page before.
    #[param(max_length = 200)]
    pub(crate) cursor: Option<String>,
}

fn fifty() -> u32 {
    50
}

const MOST_ON_A_PAGE: u32 = 200;

impl Paging {
    pub(crate) fn limit(&self) -> Result<u32, Problem> {
        let fits = (1..=MOST_ON_A_PAGE).contains(&self.limit);
        if fits { Ok(self.limit) } else { Err(Problem::invalid("limit: a page has 1 to 200 items")) }
    }

    /// The moment and id of the last item of the page before.
    pub(crate) fn after<T: Entity>(&self) -> Result<Option<(Timestamp, Id<T>)>, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let parts = cursor.split_once('.');
        let read = parts.and_then(|(at, id)| Some((Timestamp::from_micros(at.parse().ok()?), id.parse().ok()?)));
        read.map(Some).ok_or_else(|| Problem::invalid("cursor: take next_cursor of the page before as it is"))
    }
}

/// The cursor that [`Paging::after`] reads.
pub(crate) fn cursor<T: Entity>(at: Timestamp, id: Id<T>) -> String {
    format!("{}.{id}", at.micros())
}

/// The header that makes a request one that is done once.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "the middleware reads it; this tells the documentation")]
pub(crate) struct IdempotencyKey {
    /// Made by the client, a new one for each request; sent again with the same request, nothing is done twice.
    #[param(
        rename = "X-Idempotency-Key",
        min_length = 8,
        max_length = 128,
        pattern = "^[!-~]+$",
        example = "0d8f3a52-order-1"
    )]
    key: String,
}

/// A body in JSON.
pub(crate) struct Json<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        use rejection::JsonRejection as R;
        match axum::Json::from_request(request, state).await {
            Ok(axum::Json(value)) => Ok(Self(value)),
            Err(R::BytesRejection(_)) => Err(Problem::too_large()),
            Err(other) => Err(Problem::invalid(other.body_text())),
        }
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The part after the question mark.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Query::from_request_parts(parts, state).await;
        read.map(|axum::extract::Query(value)| Self(value)).map_err(|error| Problem::invalid(error.body_text()))
    }
}

/// What the address names. Ids are read by [`FromStr`], so that a wrong one is refused as such.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = axum::extract::Path::from_request_parts(parts, state).await;
        read.map(|axum::extract::Path(value)| Self(value)).map_err(|error| Problem::invalid(error.body_text()))
    }
}

/// What a handler answers.
pub(crate) type Answer<T> = Result<Json<T>, Problem>;

/// Something new.
pub(crate) type Created<T> = Result<(axum::http::StatusCode, Json<T>), Problem>;

pub(crate) fn created<T>(new: T) -> Created<T> {
    Ok((axum::http::StatusCode::CREATED, Json(new)))
}

/// Done, and nothing to tell.
pub(crate) type Done = Result<axum::http::StatusCode, Problem>;

pub(crate) const DONE: Done = Ok(axum::http::StatusCode::NO_CONTENT);

//! Comparing what a payment channel says with our books.

use super::Service;
use super::caller::Signed;
use super::error::Problem;
use super::files::UPLOAD;
use super::wire::{Answer, Json, Money, Page, Path, Query, TicketRef, Time, word};
use axum::extract::{DefaultBodyLimit, State};
use commerce_core::reconcile::{self, Resolution as Settling, StatementFormat};
use commerce_core::store::TicketSearch;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(import_statement))
        .layer(DefaultBodyLimit::max(UPLOAD))
        .routes(routes!(fetch_statement))
        .routes(routes!(list_differences))
        .routes(routes!(assign_difference))
        .routes(routes!(resolve_difference))
}

/// What a statement came to.
#[derive(Serialize, ToSchema)]
struct Reconciled {
    rows: usize,
    new_rows: usize,
    matched: usize,
    /// Of ours, not in any statement, and not due yet.
    awaited: usize,
    differences: usize,
    opened: usize,
    cleared: usize,
}

impl From<commerce_core::Reconciled> for Reconciled {
    fn from(one: commerce_core::Reconciled) -> Self {
        let commerce_core::Reconciled { rows, new_rows, matched, awaited, differences, opened, cleared } = one;
        Self { rows, new_rows, matched, awaited, differences, opened, cleared }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StatementUpload {
    /// The file as text.
    content: String,
    /// Its columns and words; the sandbox's format where it is left out.
    #[schema(value_type = Option<Object>)]
    format: Option<Value>,
}

fn format(given: Option<Value>) -> Result<StatementFormat, Problem> {
    match given {
        Some(format) => {
            serde_json::from_value(format).map_err(|error| Problem::invalid(format_args!("format: {error}")))
        }
        None => Ok(StatementFormat::sandbox()),
    }
}

/// Import a channel's statement and compare it with the books. Imported again, it changes nothing.
#[utoipa::path(post, path = "/reconciliation/{channel}/statements", responses((status = 200, body = Reconciled)))]
async fn import_statement(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(channel): Path<String>,
    Json(upload): Json<StatementUpload>,
) -> Answer<Reconciled> {
    let format = format(upload.format)?;
    Ok(Json(service.shop.import_statement(&caller, &channel, upload.content.as_bytes(), &format).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct StatementDay {
    /// `20261121`
    #[schema(pattern = "^[0-9]{8}$")]
    day: String,
}

/// Fetch a day's statement from the channel itself and compare it with the books.
#[utoipa::path(post, path = "/reconciliation/{channel}/fetches", responses((status = 200, body = Reconciled)))]
async fn fetch_statement(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(channel): Path<String>,
    Json(given): Json<StatementDay>,
) -> Answer<Reconciled> {
    let format = StatementFormat::sandbox();
    Ok(Json(service.shop.fetch_statement(&caller, &channel, &given.day, &format).await?.into()))
}

/// A difference between a statement and our books.
#[derive(Serialize, ToSchema)]
struct Difference {
    diff_id: TicketRef,
    channel: String,
    /// `20261121`
    date: String,
    expected_amount: Option<Money>,
    actual_amount: Option<Money>,
    /// `MISSING_REMOTE`, `MISSING_LOCAL`, `AMOUNT`, `CURRENCY`, `FEE` or `DUPLICATE`.
    mismatch_reason: String,
    /// Our payments and refunds it is about.
    ours: Vec<String>,
    assigned_to: Option<String>,
    /// `OPEN`, `IN_PROGRESS` or `RESOLVED`.
    status: String,
    resolution: Option<String>,
    note: String,
    /// By when it is to be settled.
    due_at: Time,
}

impl From<reconcile::Ticket> for Difference {
    fn from(one: reconcile::Ticket) -> Self {
        let told = |text: String| Some(text).filter(|text| !text.is_empty());
        Self {
            diff_id: one.id.into(),
            channel: one.channel,
            date: one.day,
            expected_amount: one.expected_amount.map(Money::from),
            actual_amount: one.actual_amount.map(Money::from),
            mismatch_reason: one.reason.to_string(),
            ours: one.ours,
            assigned_to: told(one.assigned_to),
            status: one.status.to_string(),
            resolution: told(one.resolution),
            note: one.note,
            due_at: one.due_at.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct DifferenceQuery {
    #[param(max_length = 40)]
    channel: Option<String>,
    #[param(pattern = "^(OPEN|IN_PROGRESS|RESOLVED)$")]
    status: Option<String>,
}

/// Where statements and books differ.
#[utoipa::path(get, path = "/reconciliation/differences", params(DifferenceQuery), responses((status = 200, body = Page<Difference>)))]
async fn list_differences(
    State(service): State<Service>,
    Signed(caller): Signed,
    Query(query): Query<DifferenceQuery>,
) -> Answer<Page<Difference>> {
    let status = query.status.as_deref().map(|text| word(text, "status")).transpose()?;
    let search = TicketSearch { channel: query.channel.unwrap_or_default(), status };
    let found = service.shop.differences(&caller, &search).await?;
    Ok(Json(Page::whole(found.into_iter().map(Difference::from))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Assignment {
    #[schema(example = "li", max_length = 80)]
    to: String,
}

/// Give a difference to somebody to work on.
#[utoipa::path(put, path = "/reconciliation/differences/{difference}/assignee", responses((status = 200, body = Difference)))]
async fn assign_difference(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(given): Json<Assignment>,
) -> Answer<Difference> {
    Ok(Json(service.shop.assign_difference(&caller, id.parse()?, &given.to).await?.into()))
}

#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Resolution {
    /// The channel is right: the books are brought to what it says.
    BookTheirs,
    TheirMistake,
    SettledElsewhere,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Settlement {
    resolution: Resolution,
    #[schema(max_length = 500)]
    note: String,
}

/// Settle a difference.
#[utoipa::path(post, path = "/reconciliation/differences/{difference}/resolution", responses((status = 200, body = Difference)))]
async fn resolve_difference(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(given): Json<Settlement>,
) -> Answer<Difference> {
    let resolution = match given.resolution {
        Resolution::BookTheirs => Settling::BookTheirs,
        Resolution::TheirMistake => Settling::TheirMistake,
        Resolution::SettledElsewhere => Settling::SettledElsewhere,
    };
    Ok(Json(service.shop.resolve_difference(&caller, id.parse()?, resolution, &given.note).await?.into()))
}

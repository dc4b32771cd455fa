//! Files in and out: CSV or JSON lines.

use super::Service;
use super::caller::Signed;
use super::error::{FieldFault, Problem};
use super::wire::{Answer, Json, Path, Query, word};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use commerce_core::error::Language;
use commerce_core::import::{BadRow, Format, ImportError, ImportReport, Mode, Privacy, Sheet};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new().routes(routes!(import_file)).layer(DefaultBodyLimit::max(UPLOAD)).routes(routes!(export_file))
}

/// A statement of a hundred thousand rows has some ten megabytes.
pub(super) const UPLOAD: usize = 64 * 1024 * 1024;

/// Whether what is sent there is a file.
pub(super) fn are_taken_at(path: &str) -> bool {
    path.starts_with("/api/v1/imports/") || path.ends_with("/statements")
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum FileFormat {
    #[default]
    Csv,
    Jsonl,
}

impl From<FileFormat> for Format {
    fn from(format: FileFormat) -> Self {
        match format {
            FileFormat::Csv => Self::Csv,
            FileFormat::Jsonl => Self::Jsonl,
        }
    }
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum ImportMode {
    /// Only look: say what is wrong.
    #[default]
    DryRun,
    /// All rows or none.
    Whole,
    /// The good rows; the bad ones are listed.
    Partial,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ImportQuery {
    #[serde(default)]
    #[param(inline)]
    format: FileFormat,
    #[serde(default)]
    #[param(inline)]
    mode: ImportMode,
}

#[derive(Serialize, ToSchema)]
struct ImportResult {
    rows: usize,
    written: usize,
    /// Already there as they are in the file.
    unchanged: usize,
    bad: Vec<BadLine>,
}

#[derive(Serialize, ToSchema)]
struct BadLine {
    /// As a text editor counts.
    line: u64,
    field: String,
    zh: String,
    en: String,
}

impl From<ImportReport> for ImportResult {
    fn from(report: ImportReport) -> Self {
        let bad = |row: BadRow| BadLine {
            line: row.line,
            zh: row.reason(Language::Chinese),
            en: row.reason(Language::English),
            field: row.field,
        };
        Self {
            rows: report.rows,
            written: report.written,
            unchanged: report.unchanged,
            bad: report.bad.into_iter().map(bad).collect(),
        }
    }
}

/// Import a file: `categories`, `warehouses`, `products`, `batches`, `prices`, `customers`, `stock` or `orders`.
#[utoipa::path(
    post, path = "/imports/{sheet}", params(ImportQuery),
    request_body(content = String, content_type = "text/csv"), responses((status = 200, body = ImportResult))
)]
async fn import_file(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(sheet): Path<String>,
    Query(query): Query<ImportQuery>,
    bytes: Bytes,
) -> Answer<ImportResult> {
    let mode = match query.mode {
        ImportMode::DryRun => Mode::DryRun,
        ImportMode::Whole => Mode::Whole,
        ImportMode::Partial => Mode::Partial,
    };
    let sheet = word::<Sheet>(&sheet, "sheet")?;
    match service.shop.import(&caller, sheet, query.format.into(), &bytes, mode).await {
        Ok(report) => Ok(Json(report.into())),
        Err(error) => Err(rejected(error)),
    }
}

/// How many bad rows an answer lists.
const MOST_LISTED: usize = 100;

fn rejected(error: ImportError) -> Problem {
    let fields = match &error {
        ImportError::Rejected(report) => report.bad.iter().take(MOST_LISTED).map(field).collect(),
        _ => Vec::new(),
    };
    Problem::from(error).with_fields(fields)
}

fn field(row: &BadRow) -> FieldFault {
    FieldFault {
        field: format!("line {}: {}", row.line, row.field),
        en: row.reason(Language::English),
        zh: row.reason(Language::Chinese),
    }
}

#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Shown {
    /// Names, phones and addresses are masked.
    #[default]
    Masked,
    /// Needs the permission `personal-data:read`.
    Full,
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ExportQuery {
    #[serde(default)]
    #[param(inline)]
    format: FileFormat,
    #[serde(default)]
    #[param(inline)]
    personal_data: Shown,
}

/// Export everything of one kind, in the form that imports read.
#[utoipa::path(
    get, path = "/exports/{sheet}", params(ExportQuery),
    responses((status = 200, body = String, content_type = "text/csv"))
)]
async fn export_file(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(sheet): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, Problem> {
    let privacy = match query.personal_data {
        Shown::Masked => Privacy::Masked,
        Shown::Full => Privacy::Full,
    };
    let (kind, ending) = match query.format {
        FileFormat::Csv => ("text/csv; charset=utf-8", "csv"),
        FileFormat::Jsonl => ("application/x-ndjson", "jsonl"),
    };
    let sheet = word::<Sheet>(&sheet, "sheet")?;
    let text = service.shop.export(&caller, sheet, query.format.into(), privacy).await?;
    let name = format!("attachment; filename=\"{sheet}.{ending}\"");
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, text).into_response())
}

//! What surrounds every request: its ids, its language, its log line, its time limit, and the shape of a refusal.

use super::Service;
use super::error::Problem;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, ALLOW, CACHE_CONTROL};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use commerce_core::error::Language;
use std::sync::Arc;
use std::time::Instant;
use tracing::Instrument;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const CORRELATION_ID: HeaderName = HeaderName::from_static("x-correlation-id");
const ACCEPT_VERSION: HeaderName = HeaderName::from_static("accept-version");
const API_VERSION: &str = "1";

#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) request_id: String,
    /// Ties together what one thing at the client set off; the request's own id where the client names none.
    pub(crate) correlation_id: String,
    pub(crate) language: Language,
}

impl Context {
    fn of(headers: &HeaderMap, service: &Service) -> Self {
        let given = |name: &HeaderName| text(headers, name).filter(|id| is_id(id)).map(str::to_owned);
        let request_id = given(&REQUEST_ID).unwrap_or_else(|| service.new_request_id());
        let correlation_id = given(&CORRELATION_ID).unwrap_or_else(|| request_id.clone());
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self { request_id, correlation_id, language: language(accepted.unwrap_or_default()) }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Ids of clients end up in logs and events: short, and nothing that could break a line.
fn is_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// The first language of ours that the reader names. The shop speaks Chinese to whoever says nothing.
fn language(accepted: &str) -> Language {
    let named = accepted.split(',').map(|part| part.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    let ours = named.filter_map(|tag| match tag.split('-').next() {
        Some("zh") => Some(Language::Chinese),
        Some("en") => Some(Language::English),
        _ => None,
    });
    ours.into_iter().next().unwrap_or(Language::Chinese)
}

/// Around everything: gives the request its ids, bounds its time, logs and counts it, and gives refusals their body.
pub(super) async fn converse(State(service): State<Service>, mut request: Request, next: Next) -> Response {
    let context = Context::of(request.headers(), &service);
    let is_ours = text(request.headers(), &ACCEPT_VERSION).is_none_or(|version| version == API_VERSION);
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    request.extensions_mut().insert(context.clone());
    let span = tracing::info_span!(
        "request", id = %context.request_id, correlation_id = %context.correlation_id, %method, route = %route
    );
    let begun = Instant::now();
    let limit = service.limits.longest;
    let answering = async {
        if !is_ours {
            return Problem::unsupported_version().into_response();
        }
        let Some(_place) = service.limits.enter() else { return Problem::overloaded().into_response() };
        tokio::time::timeout(limit, next.run(request)).await.unwrap_or_else(|_| Problem::timed_out().into_response())
    };
    let response = answering.instrument(span.clone()).await;
    span.in_scope(|| finish(response, &context, (&method, &route), begun))
}

fn finish(mut response: Response, context: &Context, (method, route): (&Method, &str), begun: Instant) -> Response {
    let ours = response.extensions_mut().remove::<Arc<Problem>>();
    // The framework refuses, too, and in a form of its own.
    let problem = ours.or_else(|| match response.status() {
        StatusCode::METHOD_NOT_ALLOWED => Some(Problem::wrong_method().into()),
        StatusCode::NOT_FOUND => Some(Problem::unknown_operation().into()),
        StatusCode::PAYLOAD_TOO_LARGE => Some(Problem::too_large().into()),
        status if status.is_client_error() => Some(Problem::invalid("the body cannot be read").into()),
        _ => None,
    });
    if let Some(problem) = &problem {
        let allowed = response.headers_mut().remove(ALLOW);
        response = problem.present(context.language, &context.request_id);
        response.headers_mut().extend(allowed.map(|methods| (ALLOW, methods)));
    }
    for (name, value) in [(REQUEST_ID, &context.request_id), (CORRELATION_ID, &context.correlation_id)] {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    // What somebody signed in may see is nobody else's to keep.
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    let (status, seconds) = (response.status().as_u16(), begun.elapsed().as_secs_f64());
    super::metrics::count_request(method, route, status, seconds);
    let code = problem.map_or(0, |problem| problem.code().number());
    tracing::info!(status, code, ms = seconds * 1_000.0, "answered");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shop_speaks_chinese_unless_asked_otherwise() {
        for (accepted, expected) in [
            ("", Language::Chinese),
            ("en", Language::English),
            ("en-GB,en;q=0.9,zh;q=0.5", Language::English),
            ("fr, zh-Hans;q=0.8, en;q=0.7", Language::Chinese),
            ("fr", Language::Chinese),
        ] {
            assert_eq!(language(accepted), expected, "{accepted:?}");
        }
    }

    #[test]
    fn ids_of_clients_cannot_break_a_log() {
        assert!(is_id("01J-abc_9.z") && !is_id("") && !is_id("a b") && !is_id("a\nb") && !is_id(&"x".repeat(65)));
    }
}

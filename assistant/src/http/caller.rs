//! Who asks. A handler says in its arguments whom it serves: a [`Visitor`], somebody [`Signed`] in, or somebody whose request
//! is [`Keyed`] because it creates or moves money.

use super::context::Context;
use super::error::Problem;
use super::{Cookies, Service, files, limits};
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use commerce_core::caller::{Actor, Caller, Once};
use commerce_core::customer::CustomerId;
use commerce_core::id::Id;
use commerce_core::tenant::TenantId;
use sha2::{Digest, Sha256};

/// Anybody, signed in or not.
pub(crate) struct Visitor(pub(crate) Caller);

/// A shopper, somebody of the shop, or a program with a key.
pub(crate) struct Signed(pub(crate) Caller);

/// Somebody signed in, with a key that makes the request one that is done once.
pub(crate) struct Keyed(pub(crate) Caller);

/// The text with which somebody signed in.
pub(crate) struct Token(pub(crate) String);

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("x-idempotency-key");
const SHOP: HeaderName = HeaderName::from_static("x-shop");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl FromRequestParts<Service> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        if token(parts, service.config.cookies)?.is_some() {
            return Signed::from_request_parts(parts, service).await.map(|Signed(caller)| Self(caller));
        }
        let caller = Caller::visitor(shop_named(&parts.headers, service));
        Ok(Self(in_context(caller, parts)))
    }
}

impl FromRequestParts<Service> for Signed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let token = token(parts, service.config.cookies)?.ok_or_else(Problem::not_signed_in)?;
        let caller = service.shop.recognise(&token).await?;
        // Whoever names a shop means that one, and not the one their token is of.
        if parts.headers.contains_key(&SHOP) && shop_named(&parts.headers, service) != caller.tenant {
            return Err(Problem::not_signed_in());
        }
        service.limits.count_caller(&caller)?;
        Ok(Self(in_context(caller, parts)))
    }
}

impl FromRequestParts<Service> for Keyed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        let Signed(caller) = Signed::from_request_parts(parts, service).await?;
        if caller.once.is_none() {
            return Err(Problem::no_key());
        }
        if matches!(caller.actor, Actor::Shopper(_)) {
            service.limits.count_hot_write(&caller)?;
        }
        Ok(Self(caller))
    }
}

impl FromRequestParts<Service> for Token {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, service: &Service) -> Result<Self, Problem> {
        token(parts, service.config.cookies)?.map(Self).ok_or_else(Problem::not_signed_in)
    }
}

/// The shop that a request is for, where nobody is signed in.
pub(crate) fn shop_named(headers: &HeaderMap, service: &Service) -> TenantId {
    let named = headers.get(&SHOP).and_then(|value| value.to_str().ok());
    Id::derived("tenant", named.unwrap_or(&service.config.shop))
}

/// The customer that a path names.
pub(super) fn named(caller: &Caller, text: &str) -> Result<CustomerId, Problem> {
    match (text, caller.owner()) {
        ("me", Some(owner)) => Ok(owner),
        ("me", None) => Err(Problem::invalid("`me` is for shoppers; write a customer's id")),
        (id, _) => Ok(id.parse::<CustomerId>()?),
    }
}

fn in_context(caller: Caller, parts: &Parts) -> Caller {
    let correlation_id = parts.extensions.get::<Context>().map(|context| context.correlation_id.clone());
    let once = parts.extensions.get::<Once>().cloned();
    Caller { correlation_id: correlation_id.unwrap_or_default(), once, ..caller }
}

/// What is shown to prove who asks: in the header, or in the cookie of the shop's own pages.
fn token(parts: &Parts, cookies: Cookies) -> Result<Option<String>, Problem> {
    if let Some(given) = parts.headers.get(header::AUTHORIZATION) {
        let bearer = given.to_str().ok().and_then(|text| text.strip_prefix("Bearer "));
        return bearer.map(|token| Some(token.trim().to_owned())).ok_or_else(Problem::not_signed_in);
    }
    let Some(token) = cookie(&parts.headers, cookies) else { return Ok(None) };
    let only_looks = matches!(parts.method, Method::GET | Method::HEAD | Method::OPTIONS);
    if only_looks || is_from_our_pages(&parts.headers) { Ok(Some(token)) } else { Err(Problem::cross_site()) }
}

fn cookie(headers: &HeaderMap, named: Cookies) -> Option<String> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let ours = pairs.find(|(name, _)| *name == named.name());
    ours.map(|(_, token)| token.to_owned())
}

/// Browsers say where a request comes from; whoever is no browser shows a header instead of a cookie.
fn is_from_our_pages(headers: &HeaderMap) -> bool {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    match (text(&FETCH_SITE), text(&header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            host.is_some() && host == text(&header::HOST)
        }
        (None, None) => false,
    }
}

/// Reads the idempotency key of a request and what it asks for, so that use cases know it when it comes again.
pub(super) async fn remember(State(service): State<Service>, request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get(&IDEMPOTENCY_KEY) else { return next.run(request).await };
    // Files are too long to keep in hand, and importing one again changes nothing.
    if files::are_taken_at(request.uri().path()) {
        return next.run(request).await;
    }
    let key = key.to_str().unwrap_or_default().to_owned();
    if !(8..=128).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
        return Problem::no_key().into_response();
    }
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, service.config.limits.body_bytes).await else {
        return Problem::too_large().into_response();
    };
    let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
    let hash = Sha256::new().chain_update(format!("{} {target}\n", parts.method)).chain_update(&bytes).finalize();
    let request_hash = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut request = Request::from_parts(parts, Body::from(bytes));
    request.extensions_mut().insert(Once { key, request_hash });
    next.run(request).await
}

/// Counts the request against the address it comes from.
pub(super) async fn count_address(State(service): State<Service>, request: Request, next: Next) -> Response {
    let address = limits::address_of(&request, &service.config.trusted_proxies);
    match service.limits.count_address(address) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(HeaderName, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_cookie_is_found_among_others() {
        let given = headers(&[(header::COOKIE, "theme=dark; __Host-zhanggui=zgs_1; x=y")]);
        assert_eq!(cookie(&given, Cookies::Secure).as_deref(), Some("zgs_1"));
        assert_eq!(cookie(&headers(&[(header::COOKIE, "zhanggui-x=1; zhanggui=planted")]), Cookies::Secure), None);
    }

    #[test]
    fn a_cookie_counts_for_changes_only_from_our_own_pages() {
        let ours = [
            headers(&[(FETCH_SITE, "same-origin")]),
            headers(&[(header::ORIGIN, "https://shop.example"), (header::HOST, "shop.example")]),
        ];
        let theirs = [
            headers(&[]),
            headers(&[(FETCH_SITE, "cross-site")]),
            headers(&[(FETCH_SITE, "same-site")]),
            headers(&[(header::ORIGIN, "https://evil.example"), (header::HOST, "shop.example")]),
            headers(&[(header::ORIGIN, "null"), (header::HOST, "shop.example")]),
        ];
        assert!(ours.iter().all(is_from_our_pages) && !theirs.iter().any(is_from_our_pages));
    }
}

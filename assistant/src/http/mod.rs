//! The shop over HTTP. A handler parses, calls one use case and presents what came of it; who may do what is the core's to say.

mod after_sale;
mod callbacks;
mod caller;
mod catalogue;
mod compat;
mod context;
mod customers;
mod disputes;
mod error;
mod events;
mod files;
mod fulfilment;
mod health;
mod ledger;
mod limits;
mod metrics;
mod openapi;
mod orders;
mod payments;
mod personal_data;
mod pricing;
mod reconcile;
mod refunds;
mod rules;
mod sessions;
mod settings;
mod sign_in;
mod staff;
mod stock;
#[cfg(test)]
mod tests;
mod webhooks;
mod wire;

pub(crate) use compat::breaches;
pub(crate) use health::routes as health;
pub(crate) use limits::LimitsConfig;
pub(crate) use metrics::{Recorder, RunOutcome, count_job};
pub(crate) use openapi::document;
pub(crate) use sign_in::{Asked, CodeSender, CodesToLog, Platform, PlatformError};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, Method};
use axum::middleware::from_fn_with_state;
use axum::response::IntoResponse;
use commerce_core::Shop;
use error::Problem;
use limits::Limits;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::router::OpenApiRouter;

/// What the handlers have at hand. Cloning it is cheap.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) shop: Shop,
    pub(crate) config: Arc<HttpConfig>,
    limits: Arc<Limits>,
    outside: Arc<Outside>,
}

/// How the service behaves towards clients.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpConfig {
    /// The shop of those who name none.
    pub(crate) shop: String,
    /// Where shoppers may sign in as anybody: for demonstrations.
    pub(crate) demo_sign_in: DemoSignIn,
    /// Pages of other hosts that may call the service.
    pub(crate) allowed_origins: Vec<String>,
    /// Proxies of our own, whose word for an address counts.
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) cookies: Cookies,
    pub(crate) limits: LimitsConfig,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum DemoSignIn {
    #[default]
    Never,
    /// In this shop.
    In(String),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cookies {
    /// Browsers send them over TLS only.
    #[default]
    Secure,
    /// For a laptop without TLS.
    Plain,
}

impl Cookies {
    /// `__Host-`: the browser takes it from us alone, over TLS alone.
    fn name(self) -> &'static str {
        match self {
            Self::Secure => "__Host-zhanggui",
            Self::Plain => "zhanggui",
        }
    }
}

/// Whom the service asks to know a shopper.
#[derive(Default)]
pub(crate) struct Outside {
    /// By their names: `wechat`, `alipay`.
    pub(crate) platforms: BTreeMap<String, Arc<dyn Platform>>,
    /// None where no codes can be sent to phones.
    pub(crate) codes: Option<Arc<dyn CodeSender>>,
}

impl Service {
    pub(crate) fn new(shop: Shop, config: HttpConfig, outside: Outside) -> Self {
        let limits = Arc::new(Limits::new(&config.limits));
        Self { shop, config: Arc::new(config), limits, outside: Arc::new(outside) }
    }

    /// The whole service, ready to be served.
    pub(crate) fn into_router(self) -> Router {
        let (operations, _) = operations().split_for_parts();
        let cors = cors(&self.config.allowed_origins);
        let body_bytes = self.config.limits.body_bytes;
        operations
            .merge(openapi::pages())
            .fallback(async || Problem::unknown_operation())
            .layer(CatchPanicLayer::custom(|_| Problem::internal("a handler panicked").into_response()))
            .layer(DefaultBodyLimit::max(body_bytes))
            .layer(from_fn_with_state(self.clone(), caller::remember))
            .layer(from_fn_with_state(self.clone(), caller::count_address))
            .layer(from_fn_with_state(self.clone(), context::converse))
            .layer(cors)
            .with_state(self)
    }

    fn new_request_id(&self) -> String {
        format!("{:032x}", rand::random::<u128>())
    }

    /// Forgets what nobody needs any more.
    pub(crate) fn tidy_up(&self) {
        self.limits.forget_the_quiet();
    }

    pub(crate) fn free_places(&self) -> usize {
        self.limits.free_places()
    }
}

/// Every operation, with what the document says of it.
fn operations() -> OpenApiRouter<Service> {
    let groups = [
        ("sessions", sessions::routes()),
        ("catalogue", catalogue::routes()),
        ("prices", pricing::routes()),
        ("stock", stock::routes()),
        ("customers", customers::routes().merge(personal_data::routes())),
        ("orders", orders::routes()),
        ("payments", payments::routes()),
        ("refunds", refunds::routes()),
        ("after-sale", after_sale::routes()),
        ("disputes", disputes::routes()),
        ("fulfilment", fulfilment::routes()),
        ("rules", rules::routes()),
        ("ledger", ledger::routes()),
        ("reconciliation", reconcile::routes()),
        ("files", files::routes()),
        ("events", events::routes()),
        ("webhooks", webhooks::routes()),
        ("staff", staff::routes()),
        ("shop", settings::routes()),
        ("callbacks", callbacks::routes()),
    ];
    let tagged =
        groups.into_iter().fold(OpenApiRouter::new(), |all, (tag, group)| all.merge(openapi::tagged(tag, group)));
    OpenApiRouter::new().nest("/api/v1", tagged)
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> = origins.iter().filter_map(|origin| origin.parse().ok()).collect();
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    // No credentials: pages of other hosts sign in with a token, not with our cookie.
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods(methods)
        .allow_headers(openapi::REQUEST_HEADERS.map(|name| name.parse().expect("a header name")))
        .expose_headers([context::REQUEST_ID, context::CORRELATION_ID, RETRY_AFTER])
}

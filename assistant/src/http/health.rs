//! For whoever runs the service, on a port of its own: whether it lives, whether it can work, what it counted.

use super::{Recorder, Service, metrics};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

#[derive(Clone)]
struct Watched {
    service: Service,
    recorder: Recorder,
}

pub(crate) fn routes(service: Service, recorder: Recorder) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(is_ready))
        .route("/metrics", get(figures))
        .with_state(Watched { service, recorder })
}

/// Ready is whoever reaches the database. Its schema was looked at when the service opened.
async fn is_ready(State(watched): State<Watched>) -> (StatusCode, String) {
    let answer = async { watched.service.shop.store().read().await?.tenants().await };
    match answer.await {
        Ok(_) => (StatusCode::OK, "ready\n".to_owned()),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: the database does not answer\n".to_owned())
        }
    }
}

async fn figures(State(watched): State<Watched>) -> String {
    metrics::measure(&watched.service.shop, watched.service.free_places()).await;
    watched.recorder.render()
}

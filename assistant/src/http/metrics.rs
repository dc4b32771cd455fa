//! What the service counts, for Prometheus.

use axum::http::Method;
use commerce_core::Shop;
use commerce_core::order::State;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, PrometheusBuilder, PrometheusHandle};
use strum::IntoEnumIterator;

const REQUESTS: &str = "zhanggui_http_requests_total";
const REQUEST_SECONDS: &str = "zhanggui_http_request_seconds";
const FREE_PLACES: &str = "zhanggui_http_free_places";
const STATEMENTS: &str = "zhanggui_database_statements_total";
const ORDERS: &str = "zhanggui_orders";
const JOB_RUNS: &str = "zhanggui_job_runs_total";
const JOB_SECONDS: &str = "zhanggui_job_seconds";

/// From a millisecond, where most answers are, to ten seconds, where nobody waits any more.
const BUCKETS: [f64; 12] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// What was counted so far.
#[derive(Clone)]
pub(crate) struct Recorder(PrometheusHandle);

impl Recorder {
    /// Counts from now on, for the whole program.
    pub(crate) fn install() -> Result<Self, BuildError> {
        let recorder = Self(PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?);
        describe_counter!(REQUESTS, "Requests answered, by operation and status");
        describe_histogram!(REQUEST_SECONDS, Unit::Seconds, "How long answers took, by operation");
        describe_gauge!(FREE_PLACES, "How many more requests could be worked on at once");
        describe_counter!(STATEMENTS, "Statements the database was asked");
        describe_gauge!(ORDERS, "Orders by shop and state");
        describe_counter!(JOB_RUNS, "Runs of background jobs, by job and outcome");
        describe_histogram!(JOB_SECONDS, Unit::Seconds, "How long a run of a background job took");
        Ok(recorder)
    }

    pub(crate) fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

pub(super) fn count_request(method: &Method, route: &str, status: u16, seconds: f64) {
    // Methods are the client's own words: only those that any operation takes are counted by name.
    let method =
        if ["GET", "PUT", "POST", "PATCH", "DELETE"].contains(&method.as_str()) { method.as_str() } else { "other" };
    let operation = format!("{method} {route}");
    counter!(REQUESTS, "operation" => operation.clone(), "status" => status.to_string()).increment(1);
    histogram!(REQUEST_SECONDS, "operation" => operation).record(seconds);
}

/// How a run of a background job ended.
#[derive(Clone, Copy, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(crate) enum RunOutcome {
    Done,
    Failed,
}

pub(crate) fn count_job(task: &'static str, outcome: RunOutcome, seconds: f64) {
    let outcome: &'static str = outcome.into();
    counter!(JOB_RUNS, "task" => task, "outcome" => outcome).increment(1);
    histogram!(JOB_SECONDS, "task" => task).record(seconds);
}

/// What is looked up when somebody asks for the figures.
pub(super) async fn measure(shop: &Shop, free_places: usize) {
    gauge!(FREE_PLACES).set(free_places as f64);
    counter!(STATEMENTS).absolute(shop.store().statements());
    let Ok(mut conn) = shop.store().report().await else { return };
    for tenant in conn.tenants().await.unwrap_or_default() {
        let Ok(counts) = conn.order_counts(tenant.id).await else { continue };
        // A state that nobody is in any more is counted, too.
        for state in State::iter() {
            let count = counts.iter().find(|(known, ..)| *known == state).map_or(0, |(_, count, _)| *count);
            gauge!(ORDERS, "shop" => tenant.code.clone(), "state" => state.to_string()).set(count as f64);
        }
    }
}

//! How fast something went, and how long each one waited.

use hdrhistogram::Histogram;
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

#[derive(Serialize)]
pub(super) struct Speed {
    pub(super) done: u64,
    pub(super) per_s: f64,
    pub(super) p50_ms: f64,
    pub(super) p95_ms: f64,
    pub(super) p99_ms: f64,
}

/// How long one client waited each time, in microseconds.
pub(super) struct Waits(Histogram<u64>);

impl Waits {
    pub(super) fn new() -> Result<Self, String> {
        Histogram::new(3).map(Self).map_err(|error| error.to_string())
    }

    pub(super) fn add(&mut self, wait: Duration) -> Result<(), String> {
        let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        self.0.record(micros).map_err(|error| error.to_string())
    }
}

impl Speed {
    /// Of clients that began at `start`, once all of them have come to an end.
    pub(super) async fn of(
        start: Instant,
        clients: Vec<JoinHandle<Result<Waits, String>>>,
    ) -> Result<Self, Box<dyn std::error::Error>> {
        let mut all = Histogram::<u64>::new(3)?;
        for client in clients {
            all.add(client.await??.0)?;
        }
        let millis = |quantile| all.value_at_quantile(quantile) as f64 / 1_000.0;
        Ok(Self {
            done: all.len(),
            per_s: all.len() as f64 / start.elapsed().as_secs_f64(),
            p50_ms: millis(0.5),
            p95_ms: millis(0.95),
            p99_ms: millis(0.99),
        })
    }

    pub(super) fn print_heads(unit: &str) {
        println!("{:<24} {unit:>10} {:>9} {:>9} {:>9}", "", "p50 ms", "p95 ms", "p99 ms");
    }

    pub(super) fn print(&self, name: &str) {
        println!("{name:<24} {:>10.0} {:>9.2} {:>9.2} {:>9.2}", self.per_s, self.p50_ms, self.p95_ms, self.p99_ms);
    }
}

//! Benchmarks that stand beside their own yardsticks: a figure without the machine's measure says nothing.

mod ground;
mod orders;
mod payments;
mod reconcile;
mod slow_disk;
mod speed;
mod stall;
mod yardstick;

/// pgbench needs a connection for each, of the 300 that the private PostgreSQL has.
const CLIENTS_MOST: u64 = 250;

pub(crate) use orders::{OrdersBench, run as orders};
pub(crate) use payments::{PaymentsBench, run as payments};
pub(crate) use reconcile::{ReconcileBench, run as reconcile};

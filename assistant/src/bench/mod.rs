//! Benchmarks that stand beside their own yardsticks: a figure without the machine's measure says nothing.

mod orders;
mod payments;
mod slow_disk;
mod stall;
mod yardstick;

pub(crate) use orders::{OrdersBench, run as orders};
pub(crate) use payments::{PaymentsBench, run as payments};

#[derive(Clone, Copy, clap::ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

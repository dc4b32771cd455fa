//! Benchmarks that stand beside their own yardsticks: a figure without the machine's measure says nothing.

mod orders;
mod slow_disk;
mod yardstick;

pub(crate) use orders::{OrdersBench, run as orders};

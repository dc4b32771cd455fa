//! Benchmarks that stand beside their own yardsticks: a figure without the machine's measure says nothing.

mod orders;
mod yardstick;

pub(crate) use orders::{OrdersBench, run as orders};

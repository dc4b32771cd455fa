//! The sandbox as it runs: the program as a service, the program as a shop, and what goes between them over HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod commands;
mod http;
mod service;
mod stall;

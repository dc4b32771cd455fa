//! The sandbox as it runs: the program as a service, the program as a shop, and what goes between them over HTTP.

mod commands;
mod http;
mod service;
mod stall;

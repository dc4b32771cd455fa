//! Every story of the shop, on both databases. One binary, so that it links once.

mod db;
mod orders;
mod schema;
mod shop;
mod simulation;

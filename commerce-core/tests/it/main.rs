//! Every story of the shop, on both databases. One binary, so that it links once.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod after_sale;
mod backup;
mod bad_input;
mod bank;
mod concurrency;
mod crash;
mod crash_money;
mod db;
mod disputes;
mod event_schemas;
mod events;
mod fulfilment;
mod goods;
mod last_instant;
mod ledger;
mod orders;
mod payments;
mod permissions;
mod reconcile;
mod refunds;
mod rules;
mod schema;
mod shop;
mod shoppers;
mod simulation;
mod staff;
mod webhooks;

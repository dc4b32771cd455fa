//! The shop.

pub mod caller;
pub mod cart;
pub mod catalog;
pub mod checkout;
pub mod customer;
pub mod error;
pub mod event;
pub mod fulfilment;
pub mod id;
pub mod import;
pub mod inventory;
pub mod money;
pub mod order;
pub mod pricing;
mod service;
pub mod sim;
pub mod store;
pub mod tenant;
pub mod time;

pub use service::*;

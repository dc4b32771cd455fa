//! The shop: what it sells, what it has, who buys, and what becomes of their orders.
//!
//! Everything a shop can do is a method of [`Shop`]. Whoever asks is a [`caller::Caller`]; what a shopper asks for, only a
//! shopper's own rows can answer. Types and decisions are pure and stand beside each other in this table of contents; the
//! use cases load, decide and save in one transaction; [`store`] alone knows the database.
//!
//! ```no_run
//! use commerce_core::caller::Caller;
//! use commerce_core::store::Store;
//! use commerce_core::{Item, OrderRequest, Shop};
//! # use commerce_core::{catalog::SkuId, customer::{AddressId, CustomerId}};
//!
//! # async fn buy(customer: CustomerId, home: AddressId, rice: SkuId) -> Result<(), Box<dyn std::error::Error>> {
//! let shop = Shop::new(Store::open("sqlite:shop.db").await?);
//! let tenant = shop.tenant("demo").await?.id;
//! let me = Caller::shopper(tenant, customer);
//!
//! let request = OrderRequest {
//!     items: vec![Item::of(rice, 2)],
//!     address: Some(home),
//!     channel: "h5".into(),
//!     ..OrderRequest::default()
//! };
//! let preview = shop.preview(&me, customer, &request).await?;
//! // The same key gives the same order, however often it is sent.
//! let placed = shop.place_order(&me, customer, "a-key-of-the-client", request).await?;
//! assert_eq!(placed.total, preview.totals.total);
//!
//! // The stock is held for 15 minutes; whoever takes the money says so in time.
//! shop.confirm_paid(&Caller::system(tenant), placed.order).await?;
//! # Ok(())
//! # }
//! ```

pub mod after_sale;
pub mod backup;
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
pub mod ledger;
pub mod money;
pub mod order;
pub mod payment;
pub mod permission;
pub mod port;
pub mod pricing;
pub mod reconcile;
pub mod rules;
pub mod sandbox;
pub mod secret;
mod service;
pub mod shopper;
pub mod sim;
pub mod staff;
pub mod store;
pub mod tenant;
pub mod time;
pub mod webhook;

pub use service::*;

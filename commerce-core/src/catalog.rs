//! What the shop sells: products, their SKUs, and the batches that farm goods come in.

use crate::id::{Entity, Id};
use crate::money::Money;
use crate::tenant::Tenant;
use crate::time::Timestamp;
use std::collections::BTreeMap;

/// `产地 → 黑龙江五常`: free-form facts and options, in the shop's own words.
pub type Labels = BTreeMap<String, String>;

#[derive(Clone, Debug, PartialEq)]
pub struct Category {
    pub id: CategoryId,
    pub code: String,
    pub parent: Option<String>,
    pub name: String,
    pub name_en: String,
    pub position: i64,
}

pub type CategoryId = Id<Category>;

impl Entity for Category {
    const PREFIX: &'static str = "cat";
}

#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    pub id: ProductId,
    pub code: String,
    pub kind: ProductKind,
    pub title: String,
    pub title_en: String,
    /// The category's code, or empty.
    pub category: String,
    pub status: ProductStatus,
    pub description: String,
    pub description_en: String,
    pub attributes: Labels,
    /// Addresses of pictures and films, the cover first.
    pub media: Vec<String>,
}

pub type ProductId = Id<Product>;

impl Entity for Product {
    const PREFIX: &'static str = "prd";
}

/// Virtual goods (a course, a code, a card, a ticket) weigh nothing, ship nowhere, and are delivered once paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ProductKind {
    Physical,
    Virtual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum ProductStatus {
    Draft,
    Active,
    Closed,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sku {
    pub id: SkuId,
    pub product: ProductId,
    pub code: String,
    pub options: Labels,
    pub barcode: String,
    pub weight_g: u32,
    pub pack_size: u32,
    pub list_price: Money,
    pub cost: Money,
    /// Never sold below.
    pub floor_price: Money,
    /// The shop is told when fewer than this are available; 0 is never.
    pub low_stock: u32,
    /// A bundle is made of other SKUs and has no stock of its own.
    pub parts: Vec<Part>,
}

pub type SkuId = Id<Sku>;

impl Entity for Sku {
    const PREFIX: &'static str = "sku";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub sku: SkuId,
    pub qty: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    pub id: BatchId,
    pub sku: SkuId,
    pub code: String,
    pub harvest_year: u16,
    /// A calendar day, `2026-10-08`.
    pub processing_date: String,
    pub best_before: Timestamp,
    pub farmer_id: String,
    pub farm_plot_id: String,
    pub irrigation_source: String,
    pub pesticide_report_id: String,
    pub quality_grade: String,
    pub inspection_report_url: String,
    pub trace_record_id: String,
    pub total_qty: u32,
}

pub type BatchId = Id<Batch>;

impl Entity for Batch {
    const PREFIX: &'static str = "bat";
}

/// A code that a merchant gave, made an id: the same code in the same shop is always the same thing.
pub fn id_of_code<T: Entity>(tenant: Id<Tenant>, code: &str) -> Id<T> {
    Id::derived(&tenant.to_string(), code)
}

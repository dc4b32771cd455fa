//! What the shop sells, as shoppers see it and as the shop keeps it.

use super::Service;
use super::caller::{Signed, Visitor};
use super::error::Problem;
use super::wire::{
    ActivityRef, Answer, DONE, Done, Json, Money, Page, Paging, Path, ProductRef, Query, SkuRef, Time, maybe_money,
    word,
};
use axum::extract::State;
use commerce_core::catalog::{self, Labels, ProductStatus, id_of_code};
use commerce_core::money::Money as Exact;
use commerce_core::store::ProductSearch;
use commerce_core::tenant::TenantId;
use commerce_core::{Availability, Displayed, Variant as Displaying};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(list_categories, save_categories))
        .routes(routes!(list_products, save_product))
        .routes(routes!(get_product))
        .routes(routes!(list_batches, save_batch))
        .routes(routes!(list_activities, save_activity))
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Category {
    #[schema(example = "grain", max_length = 60)]
    code: String,
    /// The code of the category above.
    parent: Option<String>,
    #[schema(example = "米面粮油", max_length = 60)]
    name: String,
    #[serde(default)]
    #[schema(example = "Grain and oil", max_length = 60)]
    name_en: String,
    #[serde(default)]
    position: i64,
}

/// The tree of categories.
#[utoipa::path(get, path = "/categories", security(()), responses((status = 200, body = Page<Category>)))]
async fn list_categories(State(service): State<Service>, Visitor(caller): Visitor) -> Answer<Page<Category>> {
    let tree = service.shop.categories(&caller).await?.into_iter();
    let category = |one: catalog::Category| Category {
        code: one.code,
        parent: one.parent,
        name: one.name,
        name_en: one.name_en,
        position: one.position,
    };
    Ok(Json(Page::whole(tree.map(category))))
}

/// Add or change categories, by their codes.
#[utoipa::path(put, path = "/categories", responses((status = 204)))]
async fn save_categories(
    State(service): State<Service>,
    Signed(caller): Signed,
    Json(categories): Json<Vec<Category>>,
) -> Done {
    let category = |one: Category| catalog::Category {
        id: id_of_code(caller.tenant, &one.code),
        code: one.code,
        parent: one.parent,
        name: one.name,
        name_en: one.name_en,
        position: one.position,
    };
    let categories: Vec<_> = categories.into_iter().map(category).collect();
    service.shop.save_categories(&caller, &categories).await?;
    DONE
}

#[derive(Serialize, ToSchema)]
struct Product {
    id: ProductRef,
    code: String,
    /// `physical` or `virtual`: a course, a code, a card, a ticket.
    kind: String,
    title: String,
    title_en: String,
    category: String,
    /// `draft`, `active` or `closed`.
    status: String,
    description: String,
    description_en: String,
    attributes: Labels,
    media: Vec<String>,
    variants: Vec<Variant>,
}

#[derive(Serialize, ToSchema)]
struct Variant {
    sku: SkuRef,
    code: String,
    options: Labels,
    barcode: String,
    weight_g: u32,
    pack_size: u32,
    list_price: Money,
    /// What it costs whoever asks, in this channel, now.
    price: Money,
    /// The rule that decided the price: `list`, `channel:…`, `member:…`.
    price_rule: String,
    /// How many can be had now; absent for virtual goods that nobody counts.
    available: Option<i64>,
    parts: Vec<Part>,
}

#[derive(Serialize, Deserialize, ToSchema)]
#[schema(as = BundlePart)]
struct Part {
    sku: SkuRef,
    qty: u32,
}

impl From<Displayed> for Product {
    fn from(displayed: Displayed) -> Self {
        let one = displayed.product;
        Self {
            id: one.id.into(),
            code: one.code,
            kind: one.kind.to_string(),
            title: one.title,
            title_en: one.title_en,
            category: one.category,
            status: one.status.to_string(),
            description: one.description,
            description_en: one.description_en,
            attributes: one.attributes,
            media: one.media,
            variants: displayed.variants.into_iter().map(Variant::from).collect(),
        }
    }
}

impl From<Displaying> for Variant {
    fn from(one: Displaying) -> Self {
        Self {
            sku: one.sku.id.into(),
            code: one.sku.code,
            options: one.sku.options,
            barcode: one.sku.barcode,
            weight_g: one.sku.weight_g,
            pack_size: one.sku.pack_size,
            list_price: one.sku.list_price.into(),
            price: one.price.unit.into(),
            price_rule: one.price.rule.to_string(),
            available: match one.availability {
                Availability::Counted(count) => Some(count),
                Availability::Endless => None,
            },
            parts: one.sku.parts.into_iter().map(|part| Part { sku: part.sku.into(), qty: part.qty }).collect(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ProductQuery {
    /// A part of a title, or a whole code or barcode.
    #[param(example = "蜂蜜", max_length = 60)]
    words: Option<String>,
    /// A category's code; those below it count, too.
    #[param(max_length = 60)]
    category: Option<String>,
    /// For the shop's people: `draft`, `active` or `closed`. Everybody else finds what is for sale.
    #[param(pattern = "^(draft|active|closed)$")]
    status: Option<String>,
    /// The channel whose prices are shown.
    #[serde(default = "h5")]
    #[param(default = "h5", max_length = 40)]
    channel: String,
}

fn h5() -> String {
    "h5".to_owned()
}

/// Search products, in the order of their codes.
#[utoipa::path(get, path = "/products", security(()), params(ProductQuery, Paging), responses((status = 200, body = Page<Product>)))]
async fn list_products(
    State(service): State<Service>,
    Visitor(caller): Visitor,
    Query(query): Query<ProductQuery>,
    Query(paging): Query<Paging>,
) -> Answer<Page<Product>> {
    let limit = paging.limit()?;
    let status = query.status.as_deref().map(|text| word::<ProductStatus>(text, "status")).transpose()?;
    let search = ProductSearch {
        status,
        categories: query.category.into_iter().collect(),
        words: query.words.unwrap_or_default(),
        after: paging.cursor.unwrap_or_default(),
    };
    let found = service.shop.search_products(&caller, &query.channel, &search, limit + 1).await?;
    Ok(Json(Page::cut(found, limit, |one| one.product.code.clone(), Product::from)))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ChannelQuery {
    /// The channel whose prices are shown.
    #[serde(default = "h5")]
    #[param(default = "h5", max_length = 40)]
    channel: String,
}

/// Look at a product, by its id or its code.
#[utoipa::path(get, path = "/products/{product}", security(()), params(ChannelQuery), responses((status = 200, body = Product)))]
async fn get_product(
    State(service): State<Service>,
    Visitor(caller): Visitor,
    Path(id): Path<String>,
    Query(query): Query<ChannelQuery>,
) -> Answer<Product> {
    Ok(Json(service.shop.product(&caller, &query.channel, &id).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProductToSave {
    #[schema(example = "honey-linden", max_length = 60)]
    code: String,
    #[schema(pattern = "^(physical|virtual)$")]
    kind: String,
    #[schema(example = "长白山椴树蜜", max_length = 120)]
    title: String,
    #[serde(default)]
    title_en: String,
    #[serde(default)]
    category: String,
    #[schema(pattern = "^(draft|active|closed)$")]
    status: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    description_en: String,
    #[serde(default)]
    attributes: Labels,
    #[serde(default)]
    media: Vec<String>,
    #[schema(min_items = 1, max_items = 200)]
    variants: Vec<VariantToSave>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct VariantToSave {
    #[schema(example = "HNY-LD-500", max_length = 60)]
    code: String,
    #[serde(default)]
    options: Labels,
    #[serde(default)]
    barcode: String,
    #[serde(default)]
    weight_g: u32,
    #[serde(default = "one")]
    #[schema(minimum = 1)]
    pack_size: u32,
    list_price: Money,
    cost: Option<Money>,
    /// Never sold below.
    floor_price: Option<Money>,
    #[serde(default)]
    low_stock: u32,
    /// What a bundle is made of, by the codes of SKUs.
    #[serde(default)]
    parts: Vec<PartByCode>,
}

fn one() -> u32 {
    1
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PartByCode {
    sku_code: String,
    #[schema(minimum = 1)]
    qty: u32,
}

/// Add or change a product with its variants, by their codes.
#[utoipa::path(put, path = "/products", responses((status = 200, body = Product)))]
async fn save_product(
    State(service): State<Service>,
    Signed(caller): Signed,
    Json(given): Json<ProductToSave>,
) -> Answer<Product> {
    let tenant = caller.tenant;
    let id = id_of_code(tenant, &given.code);
    let skus = given.variants.iter().map(|variant| sku(tenant, id, variant)).collect::<Result<Vec<_>, _>>()?;
    let product = catalog::Product {
        id,
        kind: word(&given.kind, "kind")?,
        status: word(&given.status, "status")?,
        code: given.code,
        title: given.title,
        title_en: given.title_en,
        category: given.category,
        description: given.description,
        description_en: given.description_en,
        attributes: given.attributes,
        media: given.media,
    };
    service.shop.save_products(&caller, &[(product, skus)]).await?;
    Ok(Json(service.shop.product(&caller, "h5", &id.to_string()).await?.into()))
}

fn sku(tenant: TenantId, product: catalog::ProductId, one: &VariantToSave) -> Result<catalog::Sku, Problem> {
    let list_price = Exact::try_from(&one.list_price)?;
    let none = Exact::zero(list_price.currency());
    let part = |part: &PartByCode| catalog::Part { sku: id_of_code(tenant, &part.sku_code), qty: part.qty };
    Ok(catalog::Sku {
        id: id_of_code(tenant, &one.code),
        product,
        code: one.code.clone(),
        options: one.options.clone(),
        barcode: one.barcode.clone(),
        weight_g: one.weight_g,
        pack_size: one.pack_size,
        list_price,
        cost: maybe_money(one.cost.as_ref())?.unwrap_or(none),
        floor_price: maybe_money(one.floor_price.as_ref())?.unwrap_or(none),
        low_stock: one.low_stock,
        parts: one.parts.iter().map(part).collect(),
    })
}

/// A batch: where goods come from, and how long they keep.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Batch {
    #[schema(example = "HNY-2026-07", max_length = 60)]
    code: String,
    harvest_year: u16,
    /// `2026-07-18`
    processing_date: String,
    best_before: Time,
    #[serde(default)]
    farmer_id: String,
    #[serde(default)]
    farm_plot_id: String,
    #[serde(default)]
    irrigation_source: String,
    #[serde(default)]
    pesticide_report_id: String,
    #[serde(default)]
    quality_grade: String,
    #[serde(default)]
    inspection_report_url: String,
    #[serde(default)]
    trace_record_id: String,
    total_qty: u32,
}

/// The batches that a SKU came in.
#[utoipa::path(get, path = "/skus/{sku}/batches", responses((status = 200, body = Page<Batch>)))]
async fn list_batches(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Page<Batch>> {
    let batches = service.shop.batches(&caller, id.parse()?).await?.into_iter();
    let batch = |one: catalog::Batch| Batch {
        code: one.code,
        harvest_year: one.harvest_year,
        processing_date: one.processing_date,
        best_before: one.best_before.into(),
        farmer_id: one.farmer_id,
        farm_plot_id: one.farm_plot_id,
        irrigation_source: one.irrigation_source,
        pesticide_report_id: one.pesticide_report_id,
        quality_grade: one.quality_grade,
        inspection_report_url: one.inspection_report_url,
        trace_record_id: one.trace_record_id,
        total_qty: one.total_qty,
    };
    Ok(Json(Page::whole(batches.map(batch))))
}

/// Add or change a batch of a SKU, by its code.
#[utoipa::path(put, path = "/skus/{sku}/batches", responses((status = 204)))]
async fn save_batch(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(sku): Path<String>,
    Json(one): Json<Batch>,
) -> Done {
    let batch = catalog::Batch {
        id: id_of_code(caller.tenant, &one.code),
        sku: sku.parse()?,
        code: one.code,
        harvest_year: one.harvest_year,
        processing_date: one.processing_date,
        best_before: one.best_before.0,
        farmer_id: one.farmer_id,
        farm_plot_id: one.farm_plot_id,
        irrigation_source: one.irrigation_source,
        pesticide_report_id: one.pesticide_report_id,
        quality_grade: one.quality_grade,
        inspection_report_url: one.inspection_report_url,
        trace_record_id: one.trace_record_id,
        total_qty: one.total_qty,
    };
    service.shop.save_batches(&caller, &[batch]).await?;
    DONE
}

/// A limited-time event with prices and stock of its own: a seckill, a live room.
#[derive(Serialize, ToSchema)]
struct Activity {
    id: ActivityRef,
    code: String,
    name: String,
    starts_at: Time,
    ends_at: Time,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ActivityToSave {
    #[schema(example = "double-eleven", max_length = 60)]
    code: String,
    #[schema(example = "双十一秒杀", max_length = 60)]
    name: String,
    starts_at: Time,
    ends_at: Time,
}

/// Activities, past and to come.
#[utoipa::path(get, path = "/activities", security(()), responses((status = 200, body = Page<Activity>)))]
async fn list_activities(State(service): State<Service>, Visitor(caller): Visitor) -> Answer<Page<Activity>> {
    let activities = service.shop.activities(&caller).await?.into_iter();
    let activity = |one: commerce_core::pricing::Activity| Activity {
        id: one.id.into(),
        code: one.code,
        name: one.name,
        starts_at: one.starts_at.into(),
        ends_at: one.ends_at.into(),
    };
    Ok(Json(Page::whole(activities.map(activity))))
}

/// Add or change an activity, by its code.
#[utoipa::path(put, path = "/activities", responses((status = 204)))]
async fn save_activity(
    State(service): State<Service>,
    Signed(caller): Signed,
    Json(one): Json<ActivityToSave>,
) -> Done {
    let activity = commerce_core::pricing::Activity {
        id: id_of_code(caller.tenant, &one.code),
        code: one.code,
        name: one.name,
        starts_at: one.starts_at.0,
        ends_at: one.ends_at.0,
    };
    service.shop.save_activity(&caller, &activity).await?;
    DONE
}

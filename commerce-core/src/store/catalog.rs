use super::customer::escape_like;
use super::{Conn, Row, StoreError, Tx};
use crate::catalog::{Batch, Category, Part, Product, ProductId, ProductStatus, Sku, SkuId};
use crate::checkout::Offer;
use crate::money::{Currency, Money};
use crate::pricing::{Activity, Price, PriceRule};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;
use std::collections::{BTreeSet, HashMap};

/// A SKU found by the merchant's code, with what an import has to check against.
pub(crate) struct KnownSku {
    pub(crate) id: SkuId,
    pub(crate) product_code: String,
    pub(crate) floor_price: i64,
}

/// A batch or price together with the codes that a merchant knows it by.
pub(crate) struct Coded<T> {
    pub(crate) sku_code: String,
    pub(crate) item: T,
}

/// What to look for among products; what is empty does not matter.
#[derive(Clone, Debug, Default)]
pub struct ProductSearch {
    pub status: Option<ProductStatus>,
    /// Codes of categories, any of which will do.
    pub categories: Vec<String>,
    /// A part of the title in either language, or a whole code or barcode.
    pub words: String,
    /// The code of the last product of the page before.
    pub after: String,
}

impl Conn {
    pub async fn categories(&mut self, tenant: TenantId) -> Result<Vec<Category>, StoreError> {
        let rows = self.sql(include_str!("sql/catalog/categories.sql")).text(tenant).rows().await?;
        let read = |row: Row| {
            Ok(Category {
                id: row.id("id")?,
                code: row.text("code")?,
                parent: row.maybe_text("parent")?,
                name: row.text("name")?,
                name_en: row.text("name_en")?,
                position: row.int("position")?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Every product with its SKUs, ordered by code.
    pub async fn products(
        &mut self,
        tenant: TenantId,
        currency: Currency,
    ) -> Result<Vec<(Product, Vec<Sku>)>, StoreError> {
        let rows = self.sql(include_str!("sql/catalog/products.sql")).text(tenant).rows().await?;
        self.with_parts(tenant, &rows, currency).await
    }

    /// A page of the products that are looked for, ordered by code.
    pub(crate) async fn search_products(
        &mut self,
        tenant: TenantId,
        search: &ProductSearch,
        limit: u32,
        currency: Currency,
    ) -> Result<Vec<(Product, Vec<Sku>)>, StoreError> {
        let words = search.words.to_lowercase();
        let categories: Vec<_> = search.categories.iter().map(|code| json!({ "code": code })).collect();
        let rows = self
            .sql(include_str!("sql/catalog/search.sql"))
            .text(tenant)
            .maybe(search.status)
            .json(&categories)
            .text(&words)
            .text(format!("%{}%", escape_like(&words)))
            .text(&search.after)
            .int(limit)
            .rows()
            .await?;
        self.with_parts(tenant, &rows, currency).await
    }

    /// The product of this id or code.
    pub(crate) async fn product(
        &mut self,
        tenant: TenantId,
        id_or_code: &str,
        currency: Currency,
    ) -> Result<Option<(Product, Vec<Sku>)>, StoreError> {
        let rows = self.sql(include_str!("sql/catalog/product.sql")).text(tenant).text(id_or_code).rows().await?;
        Ok(self.with_parts(tenant, &rows, currency).await?.pop())
    }

    async fn with_parts(
        &mut self,
        tenant: TenantId,
        rows: &[Row],
        currency: Currency,
    ) -> Result<Vec<(Product, Vec<Sku>)>, StoreError> {
        let mut parts: HashMap<SkuId, Vec<Part>> = HashMap::new();
        for row in self.sql(include_str!("sql/catalog/parts.sql")).text(tenant).rows().await? {
            parts.entry(row.id("bundle")?).or_default().push(Part { sku: row.id("part")?, qty: row.count("qty")? });
        }
        let mut products: Vec<(Product, Vec<Sku>)> = Vec::new();
        for row in rows {
            let sku = read_sku(row, currency, &mut parts)?;
            match products.last_mut() {
                Some((product, skus)) if product.id == sku.product => skus.push(sku),
                _ => products.push((read_product(row)?, vec![sku])),
            }
        }
        Ok(products)
    }

    /// The wanted SKUs of this tenant as offers; what it does not have is simply not in the answer.
    pub(crate) async fn offers(
        &mut self,
        tenant: TenantId,
        currency: Currency,
        skus: &BTreeSet<SkuId>,
        now: Timestamp,
    ) -> Result<HashMap<SkuId, Offer>, StoreError> {
        let wanted: Vec<_> = skus.iter().map(|sku| json!({ "sku": sku })).collect();
        let rows = self.sql(include_str!("sql/catalog/offers.sql")).text(tenant).json(&wanted).time(now).rows().await?;
        let mut offers: HashMap<SkuId, Offer> = HashMap::new();
        for row in rows {
            let sku = row.id("sku")?;
            let price = read_offered_price(&row, sku, currency)?;
            match offers.get_mut(&sku) {
                Some(offer) => offer.prices.extend(price),
                None => drop(offers.insert(sku, read_offer(&row, sku, currency, price)?)),
            }
        }
        Ok(offers)
    }

    /// Which of these SKUs the tenant does not have.
    pub(crate) async fn unknown_skus(
        &mut self,
        tenant: TenantId,
        mut skus: BTreeSet<SkuId>,
    ) -> Result<BTreeSet<SkuId>, StoreError> {
        let wanted: Vec<_> = skus.iter().map(|sku| json!({ "sku": sku })).collect();
        let known = self.sql(include_str!("sql/catalog/known_skus.sql")).text(tenant).json(&wanted).rows().await?;
        for row in known {
            skus.remove(&row.id("sku")?);
        }
        Ok(skus)
    }

    pub(crate) async fn skus_by_code(
        &mut self,
        tenant: TenantId,
        codes: &BTreeSet<String>,
    ) -> Result<HashMap<String, KnownSku>, StoreError> {
        let wanted: Vec<_> = codes.iter().map(|code| json!({ "code": code })).collect();
        let rows = self.sql(include_str!("sql/catalog/skus_by_code.sql")).text(tenant).json(&wanted).rows().await?;
        let read = |row: Row| {
            let known = KnownSku {
                id: row.id("id")?,
                product_code: row.text("product_code")?,
                floor_price: row.int("floor_price")?,
            };
            Ok((row.text("code")?, known))
        };
        rows.into_iter().map(read).collect()
    }

    /// The prices beside the list prices: of one SKU, or of all.
    pub(crate) async fn prices(
        &mut self,
        tenant: TenantId,
        of: Option<SkuId>,
        currency: Currency,
    ) -> Result<Vec<(Coded<Price>, Option<String>)>, StoreError> {
        let rows = self.sql(include_str!("sql/catalog/prices.sql")).text(tenant).maybe(of).rows().await?;
        let read = |row: Row| {
            let price = Price {
                id: row.id("id")?,
                sku: crate::catalog::id_of_code(tenant, &row.text("sku_code")?),
                rule: read_rule(&row.text("kind")?, &row.text("selector")?)?,
                amount: row.money("amount", currency)?,
                valid_from: row.time("valid_from")?,
                valid_to: row.time("valid_to")?,
            };
            Ok((Coded { sku_code: row.text("sku_code")?, item: price }, row.maybe_text("activity_code")?))
        };
        rows.into_iter().map(read).collect()
    }

    pub async fn activities(&mut self, tenant: TenantId) -> Result<Vec<Activity>, StoreError> {
        let rows = self.sql(include_str!("sql/catalog/activities.sql")).text(tenant).rows().await?;
        let read = |row: Row| {
            Ok(Activity {
                id: row.id("id")?,
                code: row.text("code")?,
                name: row.text("name")?,
                starts_at: row.time("starts_at")?,
                ends_at: row.time("ends_at")?,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// The batches of one SKU, or of all.
    pub(crate) async fn batches(
        &mut self,
        tenant: TenantId,
        of: Option<SkuId>,
    ) -> Result<Vec<Coded<Batch>>, StoreError> {
        let rows = self.sql(include_str!("sql/catalog/batches.sql")).text(tenant).maybe(of).rows().await?;
        rows.into_iter().map(|row| Ok(Coded { sku_code: row.text("sku_code")?, item: read_batch(&row)? })).collect()
    }
}

impl Tx {
    pub(crate) async fn upsert_categories(
        &mut self,
        tenant: TenantId,
        categories: &[Category],
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = categories
            .iter()
            .map(|c| json!({ "id": c.id, "code": c.code, "parent": c.parent, "name": c.name, "name_en": c.name_en, "position": c.position }))
            .collect();
        self.sql(include_str!("sql/catalog/upsert_categories.sql")).text(tenant).json(&rows).run().await
    }

    /// Returns the version each product has now.
    pub(crate) async fn upsert_products(
        &mut self,
        tenant: TenantId,
        products: &[Product],
        now: Timestamp,
    ) -> Result<HashMap<ProductId, i64>, StoreError> {
        let rows: Vec<_> = products
            .iter()
            .map(|p| {
                json!({
                    "id": p.id, "code": p.code, "kind": p.kind.to_string(), "title": p.title, "title_en": p.title_en,
                    "category": p.category, "status": p.status.to_string(), "description": p.description,
                    "description_en": p.description_en, "attributes": json!(p.attributes).to_string(), "media": json!(p.media).to_string(),
                })
            })
            .collect();
        let saved =
            self.sql(include_str!("sql/catalog/upsert_products.sql")).text(tenant).json(&rows).time(now).rows().await?;
        saved.into_iter().map(|row| Ok((row.id("id")?, row.int("version")?))).collect()
    }

    pub(crate) async fn upsert_skus(&mut self, tenant: TenantId, skus: &[Sku]) -> Result<(), StoreError> {
        let rows: Vec<_> = skus
            .iter()
            .map(|s| {
                json!({
                    "id": s.id, "product": s.product, "code": s.code, "options": json!(s.options).to_string(), "barcode": s.barcode,
                    "weight_g": s.weight_g, "pack_size": s.pack_size, "list_price": s.list_price.minor(), "cost": s.cost.minor(),
                    "floor_price": s.floor_price.minor(), "low_stock": s.low_stock,
                })
            })
            .collect();
        self.sql(include_str!("sql/catalog/upsert_skus.sql")).text(tenant).json(&rows).run().await?;
        let bundles: Vec<_> = skus.iter().map(|s| json!({ "id": s.id })).collect();
        self.sql(include_str!("sql/catalog/clear_parts.sql")).text(tenant).json(&bundles).run().await?;
        let parts: Vec<_> = skus
            .iter()
            .flat_map(|s| s.parts.iter().map(|part| json!({ "bundle": s.id, "part": part.sku, "qty": part.qty })))
            .collect();
        self.sql(include_str!("sql/catalog/insert_parts.sql")).text(tenant).json(&parts).run().await
    }

    pub(crate) async fn upsert_prices(&mut self, tenant: TenantId, prices: &[Price]) -> Result<(), StoreError> {
        let rows: Vec<_> = prices
            .iter()
            .map(|p| {
                json!({
                    "id": p.id, "sku": p.sku, "kind": p.rule.kind(), "selector": p.rule.selector(), "amount": p.amount.minor(),
                    "valid_from": p.valid_from.micros(), "valid_to": p.valid_to.micros(),
                })
            })
            .collect();
        self.sql(include_str!("sql/catalog/upsert_prices.sql")).text(tenant).json(&rows).run().await
    }

    pub(crate) async fn upsert_activity(&mut self, tenant: TenantId, activity: &Activity) -> Result<(), StoreError> {
        self.sql(include_str!("sql/catalog/upsert_activity.sql"))
            .text(activity.id)
            .text(tenant)
            .text(&activity.code)
            .text(&activity.name)
            .time(activity.starts_at)
            .time(activity.ends_at)
            .run()
            .await
    }

    pub(crate) async fn upsert_batches(&mut self, tenant: TenantId, batches: &[Batch]) -> Result<(), StoreError> {
        let rows: Vec<_> = batches
            .iter()
            .map(|b| {
                json!({
                    "id": b.id, "sku": b.sku, "code": b.code, "harvest_year": b.harvest_year, "processing_date": b.processing_date,
                    "best_before": b.best_before.micros(), "farmer_id": b.farmer_id, "farm_plot_id": b.farm_plot_id,
                    "irrigation_source": b.irrigation_source, "pesticide_report_id": b.pesticide_report_id,
                    "quality_grade": b.quality_grade, "inspection_report_url": b.inspection_report_url,
                    "trace_record_id": b.trace_record_id, "total_qty": b.total_qty,
                })
            })
            .collect();
        self.sql(include_str!("sql/catalog/upsert_batches.sql")).text(tenant).json(&rows).run().await
    }
}

fn read_product(row: &Row) -> Result<Product, StoreError> {
    Ok(Product {
        id: row.id("product")?,
        code: row.text("product_code")?,
        kind: row.word("kind")?,
        title: row.text("title")?,
        title_en: row.text("title_en")?,
        category: row.maybe_text("category")?.unwrap_or_default(),
        status: row.word("status")?,
        description: row.text("description")?,
        description_en: row.text("description_en")?,
        attributes: row.json("attributes")?,
        media: row.json("media")?,
    })
}

fn read_sku(row: &Row, currency: Currency, parts: &mut HashMap<SkuId, Vec<Part>>) -> Result<Sku, StoreError> {
    let id = row.id("sku")?;
    Ok(Sku {
        id,
        product: row.id("product")?,
        code: row.text("sku_code")?,
        options: row.json("options")?,
        barcode: row.text("barcode")?,
        weight_g: row.count("weight_g")?,
        pack_size: row.count("pack_size")?,
        list_price: row.money("list_price", currency)?,
        cost: row.money("cost", currency)?,
        floor_price: row.money("floor_price", currency)?,
        low_stock: row.count("low_stock")?,
        parts: parts.remove(&id).unwrap_or_default(),
    })
}

fn read_offer(row: &Row, sku: SkuId, currency: Currency, price: Option<Price>) -> Result<Offer, StoreError> {
    Ok(Offer {
        sku,
        product: row.id("product")?,
        kind: row.word("kind")?,
        product_code: row.text("product_code")?,
        category: row.maybe_text("category")?.unwrap_or_default(),
        sku_code: row.text("sku_code")?,
        title: row.text("title")?,
        options: row.json("options")?,
        is_on_sale: row.is("is_on_sale")?,
        weight_g: row.count("weight_g")?,
        list_price: row.money("list_price", currency)?,
        floor_price: row.money("floor_price", currency)?,
        prices: price.into_iter().collect(),
    })
}

fn read_offered_price(row: &Row, sku: SkuId, currency: Currency) -> Result<Option<Price>, StoreError> {
    let (Some(id), Some(kind), Some(selector)) =
        (row.maybe_id("price")?, row.maybe_text("price_kind")?, row.maybe_text("selector")?)
    else {
        return Ok(None);
    };
    Ok(Some(Price {
        id,
        sku,
        rule: read_rule(&kind, &selector)?,
        amount: Money::from_minor(row.int("amount")?, currency),
        valid_from: row.time("valid_from")?,
        valid_to: row.time("valid_to")?,
    }))
}

fn read_rule(kind: &str, selector: &str) -> Result<PriceRule, StoreError> {
    PriceRule::read(kind, selector).ok_or_else(|| StoreError::unreadable(format_args!("price rule {kind}:{selector}")))
}

fn read_batch(row: &Row) -> Result<Batch, StoreError> {
    Ok(Batch {
        id: row.id("id")?,
        sku: row.id("sku")?,
        code: row.text("code")?,
        harvest_year: row.count("harvest_year")?,
        processing_date: row.text("processing_date")?,
        best_before: row.time("best_before")?,
        farmer_id: row.text("farmer_id")?,
        farm_plot_id: row.text("farm_plot_id")?,
        irrigation_source: row.text("irrigation_source")?,
        pesticide_report_id: row.text("pesticide_report_id")?,
        quality_grade: row.text("quality_grade")?,
        inspection_report_url: row.text("inspection_report_url")?,
        trace_record_id: row.text("trace_record_id")?,
        total_qty: row.count("total_qty")?,
    })
}

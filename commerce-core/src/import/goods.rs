//! Categories, products with their SKUs, batches and prices.

use super::cells::{Reader, write_labels};
use super::table::{Cells, Table};
use super::{Import, ImportError, Outcome, RowFault, Thing};
use crate::catalog::{Batch, Category, Part, Product, ProductKind, ProductStatus, Sku, id_of_code};
use crate::customer::Level;
use crate::money::Money;
use crate::pricing::{Price, PriceRule};
use crate::service::{write_prices, write_products};
use crate::store::{Conn, StoreError};
use crate::tenant::Tenant;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(super) async fn import_categories(import: &mut Import<'_>, table: &Table) -> Result<Outcome, ImportError> {
    let mut known: BTreeSet<String> =
        import.tx.categories(import.tenant.id).await?.into_iter().map(|category| category.code).collect();
    let mut categories: Vec<(u64, Category)> = Vec::new();
    for row in &table.rows {
        let mut cell = Reader::new(row, import.faults);
        let (code, parent) = (cell.code("code"), cell.text("parent", 64));
        let (name, name_en, position) =
            (cell.needed("name", 100), cell.text("name_en", 100), cell.number("position", 0));
        let (Some(code), Some(parent), Some(name), Some(name_en), Some(position)) =
            (code, parent, name, name_en, position)
        else {
            continue;
        };
        known.insert(code.clone());
        let parent = Some(parent).filter(|parent| !parent.is_empty());
        categories.push((
            row.line,
            Category { id: id_of_code(import.tenant.id, &code), code, parent, name, name_en, position },
        ));
    }
    for (line, category) in &categories {
        if category.parent.as_ref().is_some_and(|parent| !known.contains(parent) || *parent == category.code) {
            let parent = category.parent.as_deref().unwrap_or_default();
            import.faults.add(*line, "parent", RowFault::unknown(Thing::Category, parent));
        }
    }
    let good: Vec<Category> =
        categories.into_iter().filter(|(line, _)| !import.faults.has(*line)).map(|(_, category)| category).collect();
    if !import.is_to_write() || good.is_empty() {
        return Ok(Outcome::default());
    }
    import.tx.upsert_categories(import.tenant.id, &good).await?;
    Ok(Outcome { written: good.len(), unchanged: 0 })
}

pub(super) async fn export_categories(conn: &mut Conn, tenant: &Tenant) -> Result<Vec<Cells>, StoreError> {
    let row = |c: Category| vec![c.code, c.name, c.parent.unwrap_or_default(), c.name_en, c.position.to_string()];
    Ok(conn.categories(tenant.id).await?.into_iter().map(row).collect())
}

/// A row of the products sheet: one SKU, with its product's columns beside it.
struct SkuRow {
    line: u64,
    product: Product,
    sku: Sku,
    components: Vec<(String, u32)>,
}

pub(super) async fn import_products(import: &mut Import<'_>, table: &Table) -> Result<Outcome, ImportError> {
    let tenant = import.tenant;
    let mut rows: Vec<SkuRow> =
        table.rows.iter().filter_map(|row| read_sku(Reader::new(row, import.faults), row.line, tenant)).collect();
    check_products(import, &rows).await?;
    rows.retain(|row| !import.faults.has(row.line));
    if !import.is_to_write() || rows.is_empty() {
        return Ok(Outcome::default());
    }
    let written = rows.len();
    let mut products: BTreeMap<String, (Product, Vec<Sku>)> = BTreeMap::new();
    for SkuRow { product, sku, components, .. } in rows {
        let parts = components.iter().map(|(code, qty)| Part { sku: id_of_code(tenant.id, code), qty: *qty }).collect();
        products.entry(product.code.clone()).or_insert((product, Vec::new())).1.push(Sku { parts, ..sku });
    }
    let products: Vec<(Product, Vec<Sku>)> = products.into_values().collect();
    write_products(import.shop, import.tx, import.caller, &products).await?;
    Ok(Outcome { written, unchanged: 0 })
}

fn read_sku(mut cell: Reader<'_>, line: u64, tenant: &Tenant) -> Option<SkuRow> {
    let currency = tenant.currency;
    let (product_code, sku_code) = (cell.code("product_code"), cell.code("sku_code"));
    let kind = cell.word("kind", None::<ProductKind>, "physical, virtual");
    let status = cell.word("status", Some(ProductStatus::Active), "draft, active, closed");
    let (title, title_en, category) =
        (cell.needed("title", 200), cell.text("title_en", 200), cell.text("category", 64));
    let (description, description_en) = (cell.text("description", 4_000), cell.text("description_en", 4_000));
    let (attributes, options, media) = (cell.labels("attributes"), cell.labels("options"), cell.text("media", 4_000));
    let (barcode, weight_g) = (cell.text("barcode", 32), cell.number("weight_g", 0_u32));
    let (pack_size, low_stock) = (cell.number("pack_size", 1_u32), cell.number("low_stock", 0_u32));
    let (list_price, cost, floor_price) =
        (cell.money("list_price", currency), cell.money("cost", currency), cell.money("floor_price", currency));
    let components = read_components(&mut cell);
    if pack_size == Some(0) {
        cell.bad("pack_size", RowFault::BelowOne);
    }
    if let (Some(list), Some(floor)) = (list_price, floor_price)
        && list.minor() < floor.minor()
    {
        cell.bad("list_price", RowFault::BelowFloor { price: list, floor });
    }
    let (product_code, sku_code) = (product_code?, sku_code?);
    let product = Product {
        id: id_of_code(tenant.id, &product_code),
        code: product_code,
        kind: kind?,
        title: title?,
        title_en: title_en?,
        category: category?,
        status: status?,
        description: description?,
        description_en: description_en?,
        attributes: attributes?,
        media: media?.split_ascii_whitespace().map(str::to_owned).collect(),
    };
    let sku = Sku {
        id: id_of_code(tenant.id, &sku_code),
        product: product.id,
        code: sku_code,
        options: options?,
        barcode: barcode?,
        weight_g: weight_g?,
        pack_size: pack_size?,
        list_price: list_price?,
        cost: cost?,
        floor_price: floor_price?,
        low_stock: low_stock?,
        parts: Vec::new(),
    };
    Some(SkuRow { line, product, sku, components: components? })
}

/// `RICE-5KG*2;TEA-100G*1`
fn read_components(cell: &mut Reader<'_>) -> Option<Vec<(String, u32)>> {
    let text = cell.text("components", 4_000)?;
    let mut components: Vec<(String, u32)> = Vec::new();
    for part in text.split(';').filter(|part| !part.is_empty()) {
        match part
            .rsplit_once('*')
            .and_then(|(code, qty)| Some((code.trim().to_owned(), qty.trim().parse().ok().filter(|qty| *qty > 0)?)))
        {
            Some(component) if !components.iter().any(|(code, _)| *code == component.0) => components.push(component),
            _ => {
                cell.bad("components", RowFault::NotComponents);
                return None;
            }
        }
    }
    Some(components)
}

/// What one row cannot know alone: its category, its twin rows, its components, its product's other rows.
async fn check_products(import: &mut Import<'_>, rows: &[SkuRow]) -> Result<(), StoreError> {
    let tenant = import.tenant.id;
    let categories: BTreeSet<String> =
        import.tx.categories(tenant).await?.into_iter().map(|category| category.code).collect();
    let codes: BTreeSet<String> = rows
        .iter()
        .flat_map(|row| row.components.iter().map(|(code, _)| code.clone()).chain([row.sku.code.clone()]))
        .collect();
    let known = import.tx.skus_by_code(tenant, &codes).await?;
    let here: HashMap<&str, &SkuRow> = rows.iter().map(|row| (row.sku.code.as_str(), row)).collect();
    let mut first_of: HashMap<&str, &SkuRow> = HashMap::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    for row in rows {
        let mut bad = |field, fault| import.faults.add(row.line, field, fault);
        if !row.product.category.is_empty() && !categories.contains(&row.product.category) {
            bad("category", RowFault::unknown(Thing::Category, &row.product.category));
        }
        if !seen.insert(&row.sku.code) {
            bad("sku_code", RowFault::Twice { code: row.sku.code.clone() });
        }
        if known.get(&row.sku.code).is_some_and(|sku| sku.product_code != row.product.code) {
            bad("sku_code", RowFault::OtherProduct { code: row.sku.code.clone() });
        }
        let first = first_of.entry(&row.product.code).or_insert(row);
        if first.product != row.product {
            bad("product_code", RowFault::Differs { code: row.product.code.clone(), line: first.line });
        }
        for (code, _) in &row.components {
            match here.get(code.as_str()) {
                Some(part) if !part.components.is_empty() => {
                    bad("components", RowFault::BundleOfBundles { code: code.clone() })
                }
                None if !known.contains_key(code) => bad("components", RowFault::unknown(Thing::Sku, code)),
                _ => {}
            }
        }
    }
    Ok(())
}

pub(super) async fn export_products(conn: &mut Conn, tenant: &Tenant) -> Result<Vec<Cells>, StoreError> {
    let products = conn.products(tenant.id, tenant.currency).await?;
    let codes: HashMap<_, _> =
        products.iter().flat_map(|(_, skus)| skus).map(|sku| (sku.id, sku.code.clone())).collect();
    let row = |p: &Product, s: &Sku| {
        let component = |part: &Part| format!("{}*{}", codes.get(&part.sku).map_or("", String::as_str), part.qty);
        let components: Vec<String> = s.parts.iter().map(component).collect();
        vec![
            p.code.clone(),
            p.kind.to_string(),
            p.title.clone(),
            s.code.clone(),
            s.list_price.amount(),
            p.title_en.clone(),
            p.category.clone(),
            p.status.to_string(),
            p.description.clone(),
            p.description_en.clone(),
            write_labels(&p.attributes),
            p.media.join(" "),
            write_labels(&s.options),
            s.barcode.clone(),
            s.weight_g.to_string(),
            s.pack_size.to_string(),
            s.cost.amount(),
            s.floor_price.amount(),
            s.low_stock.to_string(),
            components.join(";"),
        ]
    };
    Ok(products.iter().flat_map(|(product, skus)| skus.iter().map(move |sku| row(product, sku))).collect())
}

pub(super) async fn import_batches(import: &mut Import<'_>, table: &Table) -> Result<Outcome, ImportError> {
    let tenant = import.tenant.id;
    let mut batches: Vec<(u64, String, Batch)> = Vec::new();
    for row in &table.rows {
        let mut cell = Reader::new(row, import.faults);
        let (code, sku_code, processing_date) =
            (cell.code("batch_code"), cell.code("sku_code"), cell.needed("processing_date", 10));
        let (harvest_year, best_before, total_qty) =
            (cell.number("harvest_year", 0_u16), cell.time("best_before", None), cell.number("total_qty", 0_u32));
        let is_day = |day: &str| format!("{day}T00:00:00Z").parse::<crate::time::Timestamp>().is_ok();
        if processing_date.as_deref().is_some_and(|day| !is_day(day)) {
            cell.bad("processing_date", RowFault::NotADay);
        }
        let mut word = |field| cell.text(field, 200);
        let (farmer_id, farm_plot_id, irrigation_source) =
            (word("farmer_id"), word("farm_plot_id"), word("irrigation_source"));
        let (pesticide_report_id, quality_grade) = (word("pesticide_report_id"), word("quality_grade"));
        let (inspection_report_url, trace_record_id) = (word("inspection_report_url"), word("trace_record_id"));
        let batch = (|| {
            let code = code?;
            let sku_code = sku_code?;
            let batch = Batch {
                id: id_of_code(tenant, &code),
                sku: id_of_code(tenant, &sku_code),
                code,
                harvest_year: harvest_year?,
                processing_date: processing_date?,
                best_before: best_before?,
                farmer_id: farmer_id?,
                farm_plot_id: farm_plot_id?,
                irrigation_source: irrigation_source?,
                pesticide_report_id: pesticide_report_id?,
                quality_grade: quality_grade?,
                inspection_report_url: inspection_report_url?,
                trace_record_id: trace_record_id?,
                total_qty: total_qty?,
            };
            Some((row.line, sku_code, batch))
        })();
        batches.extend(batch);
    }
    let known = import.tx.skus_by_code(tenant, &batches.iter().map(|(_, sku, _)| sku.clone()).collect()).await?;
    for (line, sku_code, _) in batches.iter().filter(|(_, sku_code, _)| !known.contains_key(sku_code)) {
        import.faults.add(*line, "sku_code", RowFault::unknown(Thing::Sku, sku_code));
    }
    let good: Vec<Batch> =
        batches.into_iter().filter(|(line, ..)| !import.faults.has(*line)).map(|(_, _, batch)| batch).collect();
    if !import.is_to_write() || good.is_empty() {
        return Ok(Outcome::default());
    }
    import.tx.upsert_batches(tenant, &good).await?;
    Ok(Outcome { written: good.len(), unchanged: 0 })
}

pub(super) async fn export_batches(conn: &mut Conn, tenant: &Tenant) -> Result<Vec<Cells>, StoreError> {
    let row = |coded: crate::store::Coded<Batch>| {
        let b = coded.item;
        vec![
            b.code,
            coded.sku_code,
            b.harvest_year.to_string(),
            b.processing_date,
            b.best_before.to_string(),
            b.total_qty.to_string(),
            b.farmer_id,
            b.farm_plot_id,
            b.irrigation_source,
            b.pesticide_report_id,
            b.quality_grade,
            b.inspection_report_url,
            b.trace_record_id,
        ]
    };
    Ok(conn.batches(tenant.id, None).await?.into_iter().map(row).collect())
}

pub(super) async fn import_prices(import: &mut Import<'_>, table: &Table) -> Result<Outcome, ImportError> {
    let tenant = import.tenant.id;
    let activities: BTreeSet<String> =
        import.tx.activities(tenant).await?.into_iter().map(|activity| activity.code).collect();
    let mut prices: Vec<(u64, String, Price)> = Vec::new();
    for row in &table.rows {
        let mut cell = Reader::new(row, import.faults);
        let (sku_code, kind, selector) = (cell.code("sku_code"), cell.needed("kind", 20), cell.needed("selector", 64));
        let (amount, valid_from, valid_to) =
            (cell.money("amount", import.tenant.currency), cell.time("valid_from", None), cell.time("valid_to", None));
        let rule = match (kind.as_deref(), selector.as_deref()) {
            (Some("channel"), Some(channel)) => Some(PriceRule::Channel(channel.to_owned())),
            (Some("member"), Some(_)) => {
                cell.word("selector", None::<Level>, "regular, silver, gold, diamond").map(PriceRule::Member)
            }
            (Some("activity"), Some(code)) if activities.contains(code) => {
                Some(PriceRule::Activity(id_of_code(tenant, code)))
            }
            (Some("activity"), Some(code)) => {
                cell.bad("selector", RowFault::unknown(Thing::Activity, code));
                None
            }
            (Some(other), _) => {
                cell.bad("kind", RowFault::NotOneOf { text: other.to_owned(), known: "channel, member, activity" });
                None
            }
            (None, _) => None,
        };
        if let (Some(from), Some(to)) = (valid_from, valid_to)
            && (from >= to || to <= import.shop.now())
        {
            cell.bad("valid_to", if from >= to { RowFault::EndsBeforeStart } else { RowFault::InThePast });
        }
        let (Some(sku_code), Some(rule), Some(amount), Some(valid_from), Some(valid_to)) =
            (sku_code, rule, amount, valid_from, valid_to)
        else {
            continue;
        };
        let price = Price::new(tenant, id_of_code(tenant, &sku_code), rule, amount, (valid_from, valid_to));
        prices.push((row.line, sku_code, price));
    }
    let known = import.tx.skus_by_code(tenant, &prices.iter().map(|(_, sku, _)| sku.clone()).collect()).await?;
    for (line, sku_code, price) in &prices {
        match known.get(sku_code) {
            None => import.faults.add(*line, "sku_code", RowFault::unknown(Thing::Sku, sku_code)),
            Some(sku) if price.amount.minor() < sku.floor_price => {
                let floor = Money::from_minor(sku.floor_price, import.tenant.currency);
                import.faults.add(*line, "amount", RowFault::BelowFloor { price: price.amount, floor });
            }
            Some(_) => {}
        }
    }
    let good: Vec<Price> =
        prices.into_iter().filter(|(line, ..)| !import.faults.has(*line)).map(|(_, _, price)| price).collect();
    if !import.is_to_write() || good.is_empty() {
        return Ok(Outcome::default());
    }
    write_prices(import.shop, import.tx, import.caller, &good).await?;
    Ok(Outcome { written: good.len(), unchanged: 0 })
}

pub(super) async fn export_prices(conn: &mut Conn, tenant: &Tenant) -> Result<Vec<Cells>, StoreError> {
    let row = |(coded, activity): (crate::store::Coded<Price>, Option<String>)| {
        let price = coded.item;
        let selector = activity.unwrap_or_else(|| price.rule.selector());
        vec![
            coded.sku_code,
            price.rule.kind().to_owned(),
            selector,
            price.amount.amount(),
            price.valid_from.to_string(),
            price.valid_to.to_string(),
        ]
    };
    Ok(conn.prices(tenant.id, None, tenant.currency).await?.into_iter().map(row).collect())
}

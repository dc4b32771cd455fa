//! The shop window: what is for sale, what it costs whoever looks, and whether it is there.

use super::{GoodsError, Shop};
use crate::caller::{Actor, Caller};
use crate::catalog::{Category, Product, ProductKind, ProductStatus, Sku, SkuId};
use crate::checkout::Offer;
use crate::customer::Level;
use crate::permission::Permission;
use crate::pricing::{Buyer, Quote, quote};
use crate::store::{Conn, ProductSearch};
use crate::tenant::Tenant;
use crate::time::Timestamp;
use std::collections::{BTreeSet, HashMap};

/// A product as it stands in the window.
#[derive(Clone, Debug)]
pub struct Displayed {
    pub product: Product,
    pub variants: Vec<Variant>,
}

#[derive(Clone, Debug)]
pub struct Variant {
    pub sku: Sku,
    /// What it costs whoever asks, here and now.
    pub price: Quote,
    pub availability: Availability,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Availability {
    /// So many can be had now.
    Counted(i64),
    /// Virtual goods that nobody counts.
    Endless,
}

impl Shop {
    pub async fn categories(&self, caller: &Caller) -> Result<Vec<Category>, GoodsError> {
        Ok(self.desk.store.read().await?.categories(caller.tenant).await?)
    }

    /// Products by code, a page at a time. Whoever may not look behind the counter finds what is for sale and nothing else.
    /// A category holds those below it, too.
    pub async fn search_products(
        &self,
        caller: &Caller,
        channel: &str,
        search: &ProductSearch,
        limit: u32,
    ) -> Result<Vec<Displayed>, GoodsError> {
        let mut conn = self.desk.store.read().await?;
        let tenant = conn.tenant(caller.tenant).await?.ok_or(GoodsError::UnknownTenant)?;
        let mut search = search.clone();
        if !search.categories.is_empty() {
            let tree = conn.categories(caller.tenant).await?;
            search.categories = with_those_below(search.categories, &tree);
        }
        if !looks_behind_the_counter(caller) {
            search.status = Some(ProductStatus::Active);
        }
        let found = conn.search_products(caller.tenant, &search, limit.min(MOST_PRODUCTS), tenant.currency).await?;
        display(&mut conn, caller, &tenant, channel, found, self.now()).await
    }

    /// The product of this id or code.
    pub async fn product(&self, caller: &Caller, channel: &str, id_or_code: &str) -> Result<Displayed, GoodsError> {
        let mut conn = self.desk.store.read().await?;
        let tenant = conn.tenant(caller.tenant).await?.ok_or(GoodsError::UnknownTenant)?;
        let found = conn.product(caller.tenant, id_or_code, tenant.currency).await?;
        let is_shown = |(product, _): &(Product, Vec<Sku>)| {
            product.status == ProductStatus::Active || looks_behind_the_counter(caller)
        };
        let found = found.filter(is_shown).ok_or(GoodsError::UnknownProduct)?;
        let shown = display(&mut conn, caller, &tenant, channel, vec![found], self.now()).await?;
        shown.into_iter().next().ok_or(GoodsError::UnknownProduct)
    }
}

const MOST_PRODUCTS: u32 = 1_000;

fn looks_behind_the_counter(caller: &Caller) -> bool {
    caller.may(Permission::ReadCatalogue).is_ok()
}

/// These categories and all that hang below them.
fn with_those_below(mut wanted: Vec<String>, tree: &[Category]) -> Vec<String> {
    let mut next = 0;
    while let Some(parent) = wanted.get(next).cloned() {
        let below = tree.iter().filter(|category| category.parent.as_ref() == Some(&parent));
        let new: Vec<String> =
            below.map(|category| category.code.clone()).filter(|code| !wanted.contains(code)).collect();
        wanted.extend(new);
        next += 1;
    }
    wanted
}

async fn display(
    conn: &mut Conn,
    caller: &Caller,
    tenant: &Tenant,
    channel: &str,
    found: Vec<(Product, Vec<Sku>)>,
    now: Timestamp,
) -> Result<Vec<Displayed>, GoodsError> {
    let skus: BTreeSet<SkuId> = found.iter().flat_map(|(_, skus)| skus.iter().map(|sku| sku.id)).collect();
    let offers = conn.offers(tenant.id, tenant.currency, &skus, now).await?;
    let shelf = conn.shelf(tenant.id, &skus).await?;
    let level = match caller.actor {
        Actor::Shopper(customer) => conn.customer(tenant.id, customer).await?.map_or(Level::Regular, |one| one.level),
        Actor::Visitor | Actor::Staff | Actor::System => Level::Regular,
    };
    let buyer = Buyer { level, channel: channel.to_owned() };
    let variant = |kind: ProductKind, sku: Sku| -> Result<Variant, GoodsError> {
        let price = price_of(&sku, &offers, &buyer, now)?;
        let is_counted = kind == ProductKind::Physical || shelf.has_piles(sku.id);
        let availability =
            if is_counted { Availability::Counted(shelf.free(sku.id, now)) } else { Availability::Endless };
        Ok(Variant { sku, price, availability })
    };
    let displayed = |(product, skus): (Product, Vec<Sku>)| {
        let variants = skus.into_iter().map(|sku| variant(product.kind, sku)).collect::<Result<_, GoodsError>>()?;
        Ok(Displayed { product, variants })
    };
    found.into_iter().map(displayed).collect()
}

fn price_of(sku: &Sku, offers: &HashMap<SkuId, Offer>, buyer: &Buyer, now: Timestamp) -> Result<Quote, GoodsError> {
    let prices = offers.get(&sku.id).map_or(&[][..], |offer| &offer.prices);
    Ok(quote(sku.list_price, sku.floor_price, prices, buyer, None, now)?)
}

//! Keeping the catalogue: categories, products with their SKUs, batches, activities and prices.

use super::Shop;
use crate::caller::{Caller, NotAllowed};
use crate::catalog::{Batch, Category, Product, Sku, SkuId};
use crate::error::{Code, Failure, Kind};
use crate::event::{Event, EventName};
use crate::money::{Currency, Money};
use crate::permission::Permission;
use crate::pricing::{Activity, Buyer, Price, PriceError, PriceRule, Quote, quote};
use crate::store::{Settled, StoreError, Tx};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

impl Shop {
    pub async fn save_categories(&self, caller: &Caller, categories: &[Category]) -> Result<(), GoodsError> {
        caller.may(Permission::WriteCatalogue)?;
        self.desk
            .store
            .write(move |mut tx| async move {
                tx.upsert_categories(caller.tenant, categories).await?;
                Ok::<Settled<()>, GoodsError>(tx.keep(()).await?)
            })
            .await
    }

    /// Saves products with their SKUs: all of them or none.
    pub async fn save_products(&self, caller: &Caller, products: &[(Product, Vec<Sku>)]) -> Result<(), GoodsError> {
        caller.may(Permission::WriteCatalogue)?;
        products.iter().flat_map(|(_, skus)| skus).try_for_each(check_sku)?;
        let codes: BTreeSet<&str> = products.iter().flat_map(|(_, skus)| skus).map(|sku| sku.code.as_str()).collect();
        let count: usize = products.iter().map(|(_, skus)| skus.len()).sum();
        if codes.len() != count || !products.iter().all(|(product, _)| is_presentable(product)) {
            return Err(GoodsError::UnusableProduct);
        }
        self.desk
            .store
            .write(move |mut tx| async move {
                let tenant = tx.tenant(caller.tenant).await?.ok_or(GoodsError::UnknownTenant)?;
                let skus = || products.iter().flat_map(|(_, skus)| skus);
                if let Some(foreign) = skus().find(|sku| !is_in(sku, tenant.currency)) {
                    let sku_code = foreign.code.clone();
                    return Err(GoodsError::OtherCurrency { sku_code, currency: tenant.currency });
                }
                let made_here: BTreeSet<SkuId> = skus().map(|sku| sku.id).collect();
                let parts = skus().flat_map(|sku| sku.parts.iter().map(|part| part.sku));
                let parts = parts.filter(|part| !made_here.contains(part)).collect();
                if let Some(sku) = tx.unknown_skus(caller.tenant, parts).await?.into_iter().next() {
                    return Err(GoodsError::UnknownSku { sku });
                }
                write_products(self, &mut tx, caller, products).await?;
                Ok::<Settled<()>, GoodsError>(tx.keep(()).await?)
            })
            .await
    }

    pub async fn save_batches(&self, caller: &Caller, batches: &[Batch]) -> Result<(), GoodsError> {
        caller.may(Permission::WriteCatalogue)?;
        self.desk
            .store
            .write(move |mut tx| async move {
                let skus = batches.iter().map(|batch| batch.sku).collect();
                if let Some(sku) = tx.unknown_skus(caller.tenant, skus).await?.into_iter().next() {
                    return Err(GoodsError::UnknownSku { sku });
                }
                tx.upsert_batches(caller.tenant, batches).await?;
                Ok::<Settled<()>, GoodsError>(tx.keep(()).await?)
            })
            .await
    }

    pub async fn save_activity(&self, caller: &Caller, activity: &Activity) -> Result<(), GoodsError> {
        caller.may(Permission::WriteCatalogue)?;
        if activity.starts_at >= activity.ends_at {
            return Err(GoodsError::ValidityEmpty);
        }
        self.desk
            .store
            .write(move |mut tx| async move {
                tx.upsert_activity(caller.tenant, activity).await?;
                Ok::<Settled<()>, GoodsError>(tx.keep(()).await?)
            })
            .await
    }

    /// Sets channel, member and activity prices: all of them or none.
    pub async fn set_prices(&self, caller: &Caller, prices: &[Price]) -> Result<(), GoodsError> {
        caller.may(Permission::WritePrices)?;
        self.desk
            .store
            .write(move |mut tx| async move {
                write_prices(self, &mut tx, caller, prices).await?;
                Ok::<Settled<()>, GoodsError>(tx.keep(()).await?)
            })
            .await
    }

    /// What one SKU costs this buyer now, and by which rule.
    /// What a SKU costs beside its list price: for channels, members and activities, by validity.
    pub async fn prices(&self, caller: &Caller, sku: SkuId) -> Result<Vec<Price>, GoodsError> {
        caller.may(Permission::ReadCatalogue)?;
        let mut conn = self.desk.store.read().await?;
        let tenant = conn.tenant(caller.tenant).await?.ok_or(GoodsError::UnknownTenant)?;
        let prices = conn.prices(caller.tenant, Some(sku), tenant.currency).await?;
        Ok(prices.into_iter().map(|(price, _)| price.item).collect())
    }

    /// The batches a SKU came in.
    pub async fn batches(&self, caller: &Caller, sku: SkuId) -> Result<Vec<Batch>, GoodsError> {
        caller.may(Permission::ReadCatalogue)?;
        let batches = self.desk.store.read().await?.batches(caller.tenant, Some(sku)).await?;
        Ok(batches.into_iter().map(|batch| batch.item).collect())
    }

    /// Seckills and live rooms, past and to come.
    pub async fn activities(&self, caller: &Caller) -> Result<Vec<Activity>, GoodsError> {
        Ok(self.desk.store.read().await?.activities(caller.tenant).await?)
    }

    pub async fn quote(
        &self,
        caller: &Caller,
        sku: SkuId,
        buyer: &Buyer,
        activity: Option<crate::pricing::ActivityId>,
    ) -> Result<Quote, GoodsError> {
        let now = self.desk.now();
        let mut conn = self.desk.store.read().await?;
        let tenant = conn.tenant(caller.tenant).await?.ok_or(GoodsError::UnknownSku { sku })?;
        let offers = conn.offers(caller.tenant, tenant.currency, &BTreeSet::from([sku]), now).await?;
        let offer = offers.get(&sku).ok_or(GoodsError::UnknownSku { sku })?;
        Ok(quote(offer.list_price, offer.floor_price, &offer.prices, buyer, activity, now)?)
    }
}

pub(super) fn check_sku(sku: &Sku) -> Result<(), GoodsError> {
    let parts: BTreeSet<SkuId> = sku.parts.iter().map(|part| part.sku).collect();
    let is_usable = (1..=80).contains(&sku.code.len())
        && !sku.code.chars().any(char::is_control)
        && sku.pack_size > 0
        && ![sku.list_price, sku.cost, sku.floor_price].iter().any(|price| price.is_negative())
        && parts.len() == sku.parts.len()
        && sku.parts.iter().all(|part| part.qty > 0);
    if !is_usable {
        return Err(GoodsError::UnusableSku { sku_code: sku.code.chars().take(80).collect() });
    }
    if sku.floor_price.minor() > sku.list_price.minor() {
        return Err(GoodsError::BelowFloor {
            sku_code: sku.code.clone(),
            price: sku.list_price,
            floor: sku.floor_price,
        });
    }
    Ok(())
}

pub(crate) async fn write_products(
    shop: &Shop,
    tx: &mut Tx,
    caller: &Caller,
    products: &[(Product, Vec<Sku>)],
) -> Result<(), GoodsError> {
    let now = shop.now();
    let (rows, skus): (Vec<Product>, Vec<Vec<Sku>>) = products.iter().cloned().unzip();
    let versions = tx.upsert_products(caller.tenant, &rows, now).await?;
    tx.upsert_skus(caller.tenant, &skus.concat()).await?;
    let events: Vec<Event> = products
        .iter()
        .map(|(product, skus)| {
            let codes: Vec<&str> = skus.iter().map(|sku| sku.code.as_str()).collect();
            let payload = json!({ "code": product.code, "status": product.status.to_string(), "skus": codes });
            Event::new(shop.mint_id(now), EventName::ProductChanged, product.id, caller, now, payload)
                .of_version(versions.get(&product.id).copied().unwrap_or(1))
        })
        .collect();
    Ok(tx.record(caller.tenant, &events).await?)
}

pub(crate) async fn write_prices(
    shop: &Shop,
    tx: &mut Tx,
    caller: &Caller,
    prices: &[Price],
) -> Result<(), GoodsError> {
    let now = shop.now();
    let tenant = tx.tenant(caller.tenant).await?.ok_or(GoodsError::UnknownTenant)?;
    let skus: BTreeSet<SkuId> = prices.iter().map(|price| price.sku).collect();
    let offers = tx.offers(caller.tenant, tenant.currency, &skus, now).await?;
    for price in prices {
        let offer = offers.get(&price.sku).ok_or(GoodsError::UnknownSku { sku: price.sku })?;
        if price.amount.currency() != offer.list_price.currency() {
            let (sku_code, currency) = (offer.sku_code.clone(), offer.list_price.currency());
            return Err(GoodsError::OtherCurrency { sku_code, currency });
        }
        if price.amount.minor() < offer.floor_price.minor() {
            return Err(GoodsError::BelowFloor {
                sku_code: offer.sku_code.clone(),
                price: price.amount,
                floor: offer.floor_price,
            });
        }
        if price.valid_from >= price.valid_to {
            return Err(GoodsError::ValidityEmpty);
        }
        if price.valid_to <= now {
            return Err(GoodsError::AlreadyOver { sku_code: offer.sku_code.clone() });
        }
        if price.rule == PriceRule::List {
            return Err(GoodsError::ListPriceIsTheSku);
        }
    }
    tx.upsert_prices(caller.tenant, prices).await?;
    let of_sku: BTreeMap<SkuId, Vec<String>> = prices.iter().fold(BTreeMap::new(), |mut of_sku, price| {
        of_sku.entry(price.sku).or_default().push(price.rule.to_string());
        of_sku
    });
    let events: Vec<Event> = of_sku
        .iter()
        .map(|(sku, rules)| {
            Event::new(shop.mint_id(now), EventName::PriceChanged, sku, caller, now, json!({ "rules": rules }))
        })
        .collect();
    Ok(tx.record(caller.tenant, &events).await?)
}

fn is_presentable(product: &Product) -> bool {
    let titles = [&product.title, &product.title_en];
    let texts = [&product.code, &product.title, &product.title_en, &product.category];
    (1..=80).contains(&product.code.len())
        && titles.iter().all(|title| title.chars().count() <= 200)
        && !texts.iter().any(|text| text.chars().any(char::is_control))
}

fn is_in(sku: &Sku, currency: Currency) -> bool {
    [sku.list_price, sku.cost, sku.floor_price].iter().all(|price| price.currency() == currency)
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum GoodsError {
    #[error("there is no SKU {sku}")]
    UnknownSku { sku: SkuId },
    #[error("there is no such product, or it is not for sale")]
    UnknownProduct,
    #[error("there is no such shop")]
    UnknownTenant,
    #[error("{price} for {sku_code} is below its floor of {floor}; raise the price or lower the floor first")]
    BelowFloor { sku_code: String, price: Money, floor: Money },
    #[error("the prices of {sku_code} are in another currency than the shop's; give them in {currency}")]
    OtherCurrency { sku_code: String, currency: Currency },
    #[error(
        "{sku_code} cannot be sold like this: a code has 1 to 80 characters, a pack at least one piece, prices are not below zero, a bundle names each part once"
    )]
    UnusableSku { sku_code: String },
    #[error(
        "a code has 1 to 80 characters and a title at most 200, no code stands for two SKUs, and nothing holds control characters"
    )]
    UnusableProduct,
    #[error("it would end before it starts; put the start before the end")]
    ValidityEmpty,
    #[error("the price for {sku_code} is over already; give an end in the future")]
    AlreadyOver { sku_code: String },
    #[error("the list price belongs to the SKU; change the product instead")]
    ListPriceIsTheSku,
    #[error(transparent)]
    Price(#[from] PriceError),
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for GoodsError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownSku { .. } | Self::UnknownProduct | Self::UnknownTenant => Kind::NotFound,
            Self::BelowFloor { .. }
            | Self::OtherCurrency { .. }
            | Self::UnusableSku { .. }
            | Self::UnusableProduct
            | Self::ValidityEmpty
            | Self::AlreadyOver { .. }
            | Self::ListPriceIsTheSku => Kind::Invalid,
            Self::Price(error) => error.kind(),
            Self::NotAllowed(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::UnknownSku { .. } => Code::UnknownSku,
            Self::UnknownProduct => Code::UnknownProduct,
            Self::UnknownTenant => Code::UnknownTenant,
            Self::BelowFloor { .. } => Code::PriceBelowFloor,
            Self::OtherCurrency { .. } => Code::CurrencyMismatch,
            Self::UnusableSku { .. } | Self::UnusableProduct => Code::InvalidRequest,
            Self::ValidityEmpty | Self::ListPriceIsTheSku => Code::InvalidRequest,
            Self::AlreadyOver { .. } => Code::PriceExpired,
            Self::Price(error) => error.code(),
            Self::NotAllowed(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::UnknownSku { sku } => format!("没有商品 {sku}"),
            Self::UnknownProduct => "没有这个商品，或已下架".to_owned(),
            Self::UnknownTenant => "没有这个店铺".to_owned(),
            Self::BelowFloor { sku_code, price, floor } => {
                format!("{sku_code} 的价格 {price} 低于底价 {floor}，请提高价格或先调低底价")
            }
            Self::OtherCurrency { sku_code, currency } => {
                format!("{sku_code} 的价格不是店铺货币，请使用 {currency}")
            }
            Self::UnusableSku { sku_code } => {
                format!("{sku_code} 无法出售：代码 1 到 80 个字符，每包至少一件，价格不小于零，组合中每个部件只列一次")
            }
            Self::UnusableProduct => {
                "代码 1 到 80 个字符，标题最多 200 个字符，规格代码不能重复，且不能含有控制字符".to_owned()
            }
            Self::ValidityEmpty => "结束时间早于开始时间，请调整".to_owned(),
            Self::AlreadyOver { sku_code } => format!("{sku_code} 的价格有效期已过，请设置将来的结束时间"),
            Self::ListPriceIsTheSku => "标价属于商品规格，请修改商品".to_owned(),
            Self::Price(error) => error.zh(),
            Self::NotAllowed(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

//! A small shop to tell stories in.

use crate::db::Db;
use commerce_core::caller::Caller;
use commerce_core::catalog::{Labels, Part, Product, ProductKind, ProductStatus, Sku, SkuId, id_of_code};
use commerce_core::customer::{Address, AddressId, Customer, CustomerId, Destination, Level};
use commerce_core::id::Mint;
use commerce_core::inventory::{Warehouse, WarehouseId};
use commerce_core::ledger::seal::Trusted;
use commerce_core::money::{Currency, Money};
use commerce_core::store::Store;
use commerce_core::tenant::TenantId;
use commerce_core::time::{Clock, ManualClock, Timestamp};
use commerce_core::{Count, Item, OrderRequest, Shop};
use std::sync::Arc;

pub(crate) const START: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

pub(crate) struct TestShop {
    pub(crate) shop: Shop,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) tenant: TenantId,
    pub(crate) warehouse: WarehouseId,
}

impl TestShop {
    pub(crate) async fn open(db: &Db) -> Self {
        Self::on(db.store().await, "shop", 1).await
    }

    pub(crate) async fn on(store: Store, code: &str, seed: u64) -> Self {
        let clock = Arc::new(ManualClock::at(START));
        let shop = Shop::with(store, clock.clone() as Arc<dyn Clock>, Mint::seeded(seed));
        let tenant = shop.open_tenant(code, "测试店", Currency::CNY).await.unwrap().id;
        let warehouse = id_of_code(tenant, "W1");
        let this = Self { shop, clock, tenant, warehouse };
        this.add_warehouse("W1", 1).await;
        this
    }

    pub(crate) fn staff(&self) -> Caller {
        Caller::staff(self.tenant)
    }

    pub(crate) fn system(&self) -> Caller {
        Caller::system(self.tenant)
    }

    pub(crate) async fn add_warehouse(&self, code: &str, rank: i64) -> WarehouseId {
        let id = id_of_code(self.tenant, code);
        let warehouse = Warehouse { id, code: code.into(), name: format!("{code} 仓"), region: "华东".into(), rank };
        self.shop.save_warehouse(&self.staff(), &warehouse).await.unwrap();
        id
    }

    /// A product with one SKU for each code, all for 10.00, floor 6.00, 500 g.
    pub(crate) async fn add_product(&self, code: &str, sku_codes: &[&str]) -> Vec<SkuId> {
        let product = self.product(code, ProductKind::Physical);
        let skus: Vec<Sku> = sku_codes.iter().map(|sku| self.sku(&product, sku, "10.00")).collect();
        let ids = skus.iter().map(|sku| sku.id).collect();
        self.shop.save_products(&self.staff(), &[(product, skus)]).await.unwrap();
        ids
    }

    pub(crate) fn product(&self, code: &str, kind: ProductKind) -> Product {
        Product {
            id: id_of_code(self.tenant, code),
            code: code.into(),
            kind,
            title: format!("商品 {code}"),
            title_en: format!("Product {code}"),
            category: String::new(),
            status: ProductStatus::Active,
            description: String::new(),
            description_en: String::new(),
            attributes: Labels::new(),
            media: Vec::new(),
        }
    }

    pub(crate) fn sku(&self, product: &Product, code: &str, price: &str) -> Sku {
        Sku {
            id: id_of_code(self.tenant, code),
            product: product.id,
            code: code.into(),
            options: Labels::from([("规格".into(), code.into())]),
            barcode: String::new(),
            weight_g: if product.kind == ProductKind::Physical { 500 } else { 0 },
            pack_size: 1,
            list_price: yuan(price),
            cost: yuan("5.00"),
            floor_price: yuan("6.00"),
            low_stock: 0,
            parts: Vec::new(),
        }
    }

    pub(crate) async fn add_bundle(&self, code: &str, parts: &[(SkuId, u32)]) -> SkuId {
        let product = self.product(code, ProductKind::Physical);
        let parts = parts.iter().map(|&(sku, qty)| Part { sku, qty }).collect();
        let sku = Sku { parts, ..self.sku(&product, code, "30.00") };
        let id = sku.id;
        self.shop.save_products(&self.staff(), &[(product, vec![sku])]).await.unwrap();
        id
    }

    pub(crate) async fn receive(&self, sku: SkuId, qty: u32) {
        let count = Count { sku, warehouse: self.warehouse, batch: None, qty };
        self.shop.receive_stock(&self.staff(), &[count], "test").await.unwrap();
    }

    pub(crate) async fn add_customer(&self, code: &str) -> Buyer {
        let customer = id_of_code(self.tenant, code);
        let record = Customer {
            id: customer,
            code: code.into(),
            name: "王小满".into(),
            phone: "13800001234".into(),
            email: String::new(),
            level: Level::Regular,
            tags: Vec::new(),
            created_at: START,
        };
        self.shop.save_customers(&self.staff(), &[record]).await.unwrap();
        let address = id_of_code(self.tenant, &format!("{code}-home"));
        let destination = Destination {
            recipient: "王小满".into(),
            phone: "13800001234".into(),
            province: "浙江省".into(),
            city: "杭州市".into(),
            district: "西湖区".into(),
            street: "稻香路 8 号".into(),
        };
        let caller = Caller::shopper(self.tenant, customer);
        self.shop
            .save_address(&caller, &Address { id: address, customer, destination, is_default: true })
            .await
            .unwrap();
        Buyer { customer, address, caller }
    }

    /// (on hand, reserved) over all piles.
    pub(crate) async fn stock(&self, sku: SkuId) -> (i64, i64) {
        let levels = self.shop.store().read().await.unwrap().stock_levels(self.tenant, None).await.unwrap();
        levels
            .iter()
            .filter(|level| level.sku == sku)
            .fold((0, 0), |sum, level| (sum.0 + level.on_hand, sum.1 + level.reserved))
    }

    /// The books agree: every pile is what its journal says.
    pub(crate) async fn assert_books(&self) {
        let wrong = self.shop.store().read().await.unwrap().stock_disagreements(self.tenant).await.unwrap();
        assert_eq!(wrong, []);
        self.shop.verify(&self.staff(), &Trusted::default()).await.expect("the books agree");
    }
}

#[derive(Clone)]
pub(crate) struct Buyer {
    pub(crate) customer: CustomerId,
    pub(crate) address: AddressId,
    pub(crate) caller: Caller,
}

impl Buyer {
    pub(crate) fn wants(&self, items: &[(SkuId, u32)]) -> OrderRequest {
        OrderRequest {
            items: items.iter().map(|&(sku, qty)| Item::of(sku, qty)).collect(),
            address: Some(self.address),
            channel: "h5".into(),
            ..OrderRequest::default()
        }
    }
}

pub(crate) fn yuan(text: &str) -> Money {
    Money::parse(text, Currency::CNY).unwrap()
}

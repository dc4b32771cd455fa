//! The shop that the benchmarks trade in: endless stock, many shoppers.

use commerce_core::caller::Caller;
use commerce_core::catalog::{Labels, Product, ProductKind, ProductStatus, Sku, SkuId, id_of_code};
use commerce_core::customer::{Address, AddressId, Customer, CustomerId, Destination, Level};
use commerce_core::inventory::Warehouse;
use commerce_core::money::{Currency, Money};
use commerce_core::order::OrderId;
use commerce_core::store::Store;
use commerce_core::tenant::TenantId;
use commerce_core::{Count, Item, OrderRequest, Shop};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const SKUS: usize = 500;
const CUSTOMERS: usize = 500;

pub(super) struct Stall {
    pub(super) shop: Shop,
    pub(super) tenant: TenantId,
    pub(super) skus: Vec<SkuId>,
    pub(super) customers: Vec<(CustomerId, AddressId)>,
    keys: AtomicU64,
}

impl Stall {
    pub(super) async fn open(url: &str) -> Result<Arc<Self>, Box<dyn std::error::Error>> {
        let shop = Shop::new(Store::open(url).await?);
        let tenant = shop.open_tenant("bench", "bench", Currency::CNY).await?.id;
        let staff = Caller::staff(tenant);
        let warehouse = id_of_code(tenant, "W1");
        let place = Warehouse { id: warehouse, code: "W1".into(), name: "W1".into(), region: String::new(), rank: 1 };
        shop.save_warehouse(&staff, &place).await?;
        let products: Vec<(Product, Vec<Sku>)> = (0..SKUS).map(|i| product(tenant, i)).collect();
        shop.save_products(&staff, &products).await?;
        let skus: Vec<SkuId> = products.iter().map(|(_, skus)| skus[0].id).collect();
        let counts: Vec<Count> =
            skus.iter().map(|&sku| Count { sku, warehouse, batch: None, qty: 1_000_000_000 }).collect();
        shop.receive_stock(&staff, &counts, "bench").await?;
        let mut customers = Vec::with_capacity(CUSTOMERS);
        for i in 0..CUSTOMERS {
            customers.push(customer(&shop, &staff, i).await?);
        }
        Ok(Arc::new(Self { shop, tenant, skus, customers, keys: AtomicU64::new(0) }))
    }

    /// Places an order under a key of its own.
    pub(super) async fn order(&self, shopper: usize, items: Vec<Item>) -> Result<OrderId, String> {
        let (customer, address) = self.customers[shopper % self.customers.len()];
        let request = OrderRequest { items, address: Some(address), channel: "h5".into(), ..OrderRequest::default() };
        let key = format!("bench-{:012}", self.keys.fetch_add(1, Ordering::Relaxed));
        let caller = Caller::shopper(self.tenant, customer);
        let placed = self.shop.place_order(&caller, customer, &key, request).await;
        placed.map(|placed| placed.order).map_err(|error| error.to_string())
    }
}

fn product(tenant: TenantId, i: usize) -> (Product, Vec<Sku>) {
    let code = format!("BENCH-{i:04}");
    let yuan = |minor| Money::from_minor(minor, Currency::CNY);
    let product = Product {
        id: id_of_code(tenant, &code),
        code: code.clone(),
        kind: ProductKind::Physical,
        title: format!("五常大米 {i}"),
        title_en: format!("Wuchang rice {i}"),
        category: String::new(),
        status: ProductStatus::Active,
        description: String::new(),
        description_en: String::new(),
        attributes: Labels::new(),
        media: Vec::new(),
    };
    let sku = Sku {
        id: id_of_code(tenant, &format!("{code}-1")),
        product: product.id,
        code: format!("{code}-1"),
        options: Labels::from([("规格".into(), "5kg".into())]),
        barcode: String::new(),
        weight_g: 5_000,
        pack_size: 1,
        list_price: yuan(5_990),
        cost: yuan(3_000),
        floor_price: yuan(4_000),
        low_stock: 0,
        parts: Vec::new(),
    };
    (product, vec![sku])
}

async fn customer(
    shop: &Shop,
    staff: &Caller,
    i: usize,
) -> Result<(CustomerId, AddressId), Box<dyn std::error::Error>> {
    let code = format!("C{i:05}");
    let (id, address) = (id_of_code(staff.tenant, &code), id_of_code(staff.tenant, &format!("{code}-1")));
    let record = Customer {
        id,
        code,
        name: "王小满".into(),
        phone: format!("138{i:08}"),
        email: String::new(),
        level: Level::Regular,
        tags: Vec::new(),
        created_at: shop.now(),
    };
    shop.save_customers(staff, &[record]).await?;
    let destination = Destination {
        recipient: "王小满".into(),
        phone: format!("138{i:08}"),
        province: "浙江省".into(),
        city: "杭州市".into(),
        district: "西湖区".into(),
        street: format!("稻香路 {i} 号"),
    };
    shop.save_address(staff, &Address { id: address, customer: id, destination, is_default: true }).await?;
    Ok((id, address))
}

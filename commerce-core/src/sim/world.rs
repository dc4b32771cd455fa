//! The real shop that the simulation works on.

use super::model::{ModelOrder, Request};
use crate::caller::Caller;
use crate::catalog::{Labels, Part, Product, ProductKind, ProductStatus, Sku, SkuId, id_of_code};
use crate::customer::{Address, AddressId, Customer, CustomerId, Destination, Level};
use crate::id::Mint;
use crate::inventory::{Warehouse, WarehouseId};
use crate::money::{Currency, Money};
use crate::order::{Act, Line, LineId, OrderError, OrderId, State};
use crate::service::{Count, Item, OrderRequest, PlaceError, Placed, Shipment, Shop, StockError};
use crate::store::Store;
use crate::tenant::TenantId;
use crate::time::{Clock, ManualClock, Timestamp};
use rand::RngExt;
use rand::rngs::StdRng;
use std::collections::HashMap;
use std::sync::Arc;

pub(super) struct World {
    pub(super) shop: Shop,
    tenant: TenantId,
    warehouse: WarehouseId,
    /// Each SKU, and the number of its product.
    pub(super) skus: Vec<(SkuId, usize)>,
    pub(super) bundles: Vec<(SkuId, Vec<(SkuId, u32)>)>,
    pub(super) customers: Vec<(CustomerId, [AddressId; 2])>,
    pub(super) opened_at: Timestamp,
}

impl World {
    /// Little enough that orders are refused now and then.
    pub(super) const OPENING_STOCK: i64 = 30;

    pub(super) async fn build(store: Store, clock: Arc<ManualClock>, seed: u64) -> Result<Self, String> {
        let opened_at = clock.now();
        let shop = Shop::with(store, clock, Mint::seeded(seed));
        let tenant = shop.open_tenant("sim", "模拟店", Currency::CNY).await.map_err(|error| error.to_string())?.id;
        let mut world = Self {
            shop,
            tenant,
            warehouse: id_of_code(tenant, "W1"),
            skus: Vec::new(),
            bundles: Vec::new(),
            customers: Vec::new(),
            opened_at,
        };
        world.stock_shelves().await.map_err(|error| error.to_string())?;
        world.invite_customers().await.map_err(|error| error.to_string())?;
        Ok(world)
    }

    pub(super) fn reopen(&mut self, store: Store, clock: Arc<ManualClock>, seed: u64) {
        self.shop = Shop::with(store, clock, Mint::seeded(seed));
    }

    /// Four products of three variants, and two bundles that share a SKU.
    async fn stock_shelves(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let staff = Caller::staff(self.tenant);
        let warehouse =
            Warehouse { id: self.warehouse, code: "W1".into(), name: "W1".into(), region: String::new(), rank: 1 };
        self.shop.save_warehouse(&staff, &warehouse).await?;
        for number in 0..4 {
            let product = self.product(&format!("P{number}"));
            let skus: Vec<Sku> = (0..3)
                .map(|i| self.sku(&product, &format!("P{number}-{i}"), 1_000 + 250 * i64::from(i), Vec::new()))
                .collect();
            self.skus.extend(skus.iter().map(|sku| (sku.id, number)));
            self.shop.save_products(&staff, &[(product, skus)]).await?;
        }
        let shared = self.skus[0].0;
        for (code, other) in [("B0", self.skus[4].0), ("B1", self.skus[8].0)] {
            let product = self.product(code);
            let parts = vec![Part { sku: shared, qty: 1 }, Part { sku: other, qty: 2 }];
            let bundle = self.sku(&product, code, 3_000, parts);
            self.bundles.push((bundle.id, vec![(shared, 1), (other, 2)]));
            self.shop.save_products(&staff, &[(product, vec![bundle])]).await?;
        }
        let count = |sku| Count {
            sku,
            warehouse: self.warehouse,
            batch: None,
            qty: u32::try_from(Self::OPENING_STOCK).unwrap_or(0),
        };
        let counts: Vec<Count> = self.skus.iter().map(|(sku, _)| count(*sku)).collect();
        Ok(self.shop.receive_stock(&staff, &counts, "opening").await?)
    }

    async fn invite_customers(&mut self) -> Result<(), Box<dyn std::error::Error>> {
        let staff = Caller::staff(self.tenant);
        for i in 0..5 {
            let code = format!("C{i}");
            let id = id_of_code(self.tenant, &code);
            let customer = Customer {
                id,
                code: code.clone(),
                name: format!("顾客 {i}"),
                phone: format!("1380000000{i}"),
                email: String::new(),
                level: Level::Regular,
                tags: Vec::new(),
                created_at: self.opened_at,
            };
            self.shop.save_customers(&staff, &[customer]).await?;
            let addresses = ["浙江省", "新疆维吾尔自治区"]
                .map(|province| (province, id_of_code(self.tenant, &format!("{code}-{province}"))));
            for (province, address) in addresses {
                let destination = Destination {
                    recipient: "收件人".into(),
                    phone: "13800000000".into(),
                    province: province.into(),
                    street: "一号".into(),
                    ..Destination::default()
                };
                self.shop
                    .save_address(&staff, &Address { id: address, customer: id, destination, is_default: false })
                    .await?;
            }
            self.customers.push((id, addresses.map(|(_, address)| address)));
        }
        Ok(())
    }

    fn product(&self, code: &str) -> Product {
        Product {
            id: id_of_code(self.tenant, code),
            code: code.into(),
            kind: ProductKind::Physical,
            title: code.into(),
            title_en: code.into(),
            category: String::new(),
            status: ProductStatus::Active,
            description: String::new(),
            description_en: String::new(),
            attributes: Labels::new(),
            media: Vec::new(),
        }
    }

    fn sku(&self, product: &Product, code: &str, price: i64, parts: Vec<Part>) -> Sku {
        Sku {
            id: id_of_code(self.tenant, code),
            product: product.id,
            code: code.into(),
            options: Labels::new(),
            barcode: String::new(),
            weight_g: 700,
            pack_size: 1,
            list_price: Money::from_minor(price, Currency::CNY),
            cost: Money::zero(Currency::CNY),
            floor_price: Money::zero(Currency::CNY),
            low_stock: 0,
            parts,
        }
    }

    pub(super) fn tenant(&self) -> TenantId {
        self.tenant
    }

    fn system(&self) -> Caller {
        Caller::system(self.tenant)
    }

    async fn owner(&self, order: OrderId) -> Result<Caller, OrderError> {
        let (order, _) = self.shop.order(&self.system(), order).await?;
        Ok(Caller::shopper(self.tenant, order.customer))
    }

    pub(super) async fn place(&self, request: &Request) -> Result<Placed, PlaceError> {
        let (customer, addresses) = self.customers[request.customer];
        let items = request.items.iter().map(|(sku, qty)| Item::of(*sku, *qty)).collect();
        let order =
            OrderRequest { items, address: Some(addresses[0]), channel: "h5".into(), ..OrderRequest::default() };
        self.shop.place_order(&Caller::shopper(self.tenant, customer), customer, &request.key, order).await
    }

    pub(super) async fn pay(&self, order: OrderId) -> Result<(), OrderError> {
        self.shop.confirm_paid(&self.system(), order).await.map(drop)
    }

    pub(super) async fn reclaim(&self, order: OrderId) -> Result<(), OrderError> {
        self.shop.reclaim(&self.system(), order).await.map(drop)
    }

    pub(super) async fn cancel(&self, order: OrderId) -> Result<(), OrderError> {
        self.shop.cancel_order(&self.owner(order).await?, order, "changed my mind").await.map(drop)
    }

    /// To the customer's other address and, next time, back.
    pub(super) async fn change_address(&self, order: OrderId) -> Result<(), OrderError> {
        let (found, _) = self.shop.order(&self.system(), order).await?;
        let (_, addresses) =
            self.customers.iter().find(|(customer, _)| *customer == found.customer).ok_or(OrderError::NotFound)?;
        let other = addresses[usize::from(found.destination.province.starts_with("浙江"))];
        self.shop.change_address(&self.owner(order).await?, order, other).await.map(drop)
    }

    /// One step on the way from paid to completed; nothing where there is none to take.
    pub(super) async fn fulfil(&self, order: OrderId) -> Result<(), OrderError> {
        let staff = Caller::staff(self.tenant);
        let (found, _) = self.shop.order(&staff, order).await?;
        if !found.state.is_unpaid() && found.owes()?.minor() > 0 {
            self.shop.confirm_paid(&self.system(), order).await?;
        }
        match found.state {
            State::Paid => self.shop.allocate_order(&staff, order).await.map(drop),
            State::Allocated => self.shop.move_order(&staff, order, Act::Pick).await.map(drop),
            State::Picked => self.shop.move_order(&staff, order, Act::Pack).await.map(drop),
            State::Packed => {
                for parcel in self.shop.parcels(&staff, order).await? {
                    self.shop
                        .ship_parcel(&staff, parcel.id, &Shipment { carrier: "SF".into(), tracking_no: "SF1".into() })
                        .await?;
                }
                Ok(())
            }
            State::Shipped => {
                for parcel in self.shop.parcels(&staff, order).await? {
                    self.shop.deliver_parcel(&staff, parcel.id).await?;
                }
                Ok(())
            }
            State::Delivered => self.shop.move_order(&staff, order, Act::Confirm).await.map(drop),
            State::Confirmed => self.shop.move_order(&staff, order, Act::Complete).await.map(drop),
            _ => Ok(()),
        }
    }

    /// A line of the order and a SKU to swap it for: mostly another variant, sometimes a wrong one.
    pub(super) async fn random_swap(
        &self,
        order: OrderId,
        random: &mut StdRng,
    ) -> Result<Option<(Line, SkuId)>, String> {
        let (_, lines) = self.quietly(self.shop.order(&self.system(), order).await)?;
        let line = &lines[random.random_range(0..lines.len())];
        let product = self.skus.iter().find(|(sku, _)| *sku == line.sku).map(|(_, product)| *product);
        let variants: Vec<SkuId> = self
            .skus
            .iter()
            .filter(|(_, of)| Some(*of) == product || random.random_bool(0.1))
            .map(|(sku, _)| *sku)
            .collect();
        Ok((!variants.is_empty()).then(|| (line.clone(), variants[random.random_range(0..variants.len())])))
    }

    pub(super) async fn swap(&self, order: OrderId, line: LineId, to: SkuId) -> Result<(), OrderError> {
        self.shop.swap_variant(&self.owner(order).await?, order, line, to).await.map(drop)
    }

    pub(super) async fn line_sku(&self, order: OrderId, line: LineId) -> Result<SkuId, String> {
        let (_, lines) = self.quietly(self.shop.order(&self.system(), order).await)?;
        lines
            .iter()
            .find(|known| known.id == line)
            .map(|line| line.sku)
            .ok_or_else(|| format!("{order} lost its line {line}"))
    }

    pub(super) async fn state(&self, order: OrderId) -> Result<State, String> {
        Ok(self.quietly(self.shop.order(&self.system(), order).await)?.0.state)
    }

    pub(super) async fn receive(&self, sku: SkuId, qty: u32) -> Result<(), StockError> {
        let count = Count { sku, warehouse: self.warehouse, batch: None, qty };
        self.shop.receive_stock(&Caller::staff(self.tenant), &[count], "delivery").await
    }

    pub(super) async fn sweep(&self) -> Result<(), OrderError> {
        self.shop.sweep(&self.system()).await.map(drop)
    }

    pub(super) async fn stock(&self, sku: SkuId) -> Result<(i64, i64), String> {
        let mut conn = self.shop.store().read().await.map_err(|error| error.to_string())?;
        conn.stock_of(self.tenant, sku).await.map_err(|error| error.to_string())
    }

    /// On hand and reserved of every SKU, in one look.
    pub(super) async fn all_stock(&self) -> Result<HashMap<SkuId, (i64, i64)>, String> {
        let mut conn = self.shop.store().report().await.map_err(|error| error.to_string())?;
        let levels = conn.stock_levels(self.tenant, None).await.map_err(|error| error.to_string())?;
        let mut stock: HashMap<SkuId, (i64, i64)> = HashMap::new();
        for level in levels {
            let sums = stock.entry(level.sku).or_default();
            *sums = (sums.0 + level.on_hand, sums.1 + level.reserved);
        }
        Ok(stock)
    }

    /// Every pile is what its journal says.
    pub(super) async fn check_books(&self) -> Result<(), String> {
        let mut conn = self.shop.store().report().await.map_err(|error| error.to_string())?;
        let wrong = conn.stock_disagreements(self.tenant).await.map_err(|error| error.to_string())?;
        if wrong.is_empty() { Ok(()) } else { Err(format!("piles and journal differ: {wrong:?}")) }
    }

    /// The order is what the model has, and its events tell the same story without a gap.
    pub(super) async fn check_order(&self, id: OrderId, expected: &ModelOrder) -> Result<(), String> {
        let (order, lines) = self.quietly(self.shop.order(&self.system(), id).await)?;
        let items: Vec<(SkuId, u32)> = lines.iter().map(|line| (line.sku, line.qty)).collect();
        if (order.state, order.hold, &items) != (expected.state, expected.hold, &expected.items) {
            return Err(format!("{id}: the model has {expected:?}, the shop {} {} {items:?}", order.state, order.hold));
        }
        let events = self.quietly(self.shop.order_history(&self.system(), id).await)?;
        let mut version = 1;
        for event in &events {
            if event.subject_version != version + 1 {
                return Err(format!(
                    "{id}: event {} has version {} after {version}",
                    event.name, event.subject_version
                ));
            }
            version = event.subject_version;
        }
        let told = events.last().map(|event| (event.payload["state"].clone(), event.payload["hold"].clone()));
        let is_told =
            told == Some((order.state.to_string().into(), order.hold.to_string().into())) && version == order.version;
        if is_told {
            Ok(())
        } else {
            Err(format!(
                "{id}: its events end with {told:?} at version {version}, the order is {} {} at {}",
                order.state, order.hold, order.version
            ))
        }
    }

    fn quietly<T>(&self, answer: Result<T, OrderError>) -> Result<T, String> {
        answer.map_err(|error| error.to_string())
    }
}

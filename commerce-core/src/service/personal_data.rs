//! What the shop knows of somebody: told to them, and forgotten, when they ask (PIPL, GDPR).

use super::customers::reaches;
use super::{CustomerError, Item, Shop};
use crate::caller::Caller;
use crate::customer::{Address, Customer, CustomerId};
use crate::event::{Event, EventName};
use crate::order::{Line, Order, OrderId};
use crate::permission::Permission;
use crate::rules::Coupon;
use crate::store::{Conn, OrderSearch, StoreError};
use serde_json::json;

/// Everything the shop keeps about one customer.
#[derive(Clone, Debug)]
pub struct PersonalData {
    pub customer: Customer,
    pub addresses: Vec<Address>,
    /// Newest first.
    pub orders: Vec<(Order, Vec<Line>)>,
    pub coupons: Vec<Coupon>,
    pub cart: Vec<Item>,
}

const ORDERS_AT_ONCE: u32 = 500;

impl Shop {
    pub async fn personal_data(&self, caller: &Caller, id: CustomerId) -> Result<PersonalData, CustomerError> {
        if caller.owner().is_none() {
            caller.may(Permission::ReadOrders)?;
        }
        let (customer, addresses) = (self.customer(caller, id).await?, self.addresses(caller, id).await?);
        let cart = self.cart(caller, id).await?;
        let mut conn = self.desk.store.read().await?;
        let coupons = conn.coupons_of(caller.tenant, id).await?;
        let orders = orders_of(&mut conn, caller, id).await?;
        Ok(PersonalData { customer, addresses, orders, coupons, cart })
    }

    /// Forgets who somebody is. What they bought stays in the books, without a name; they are signed out everywhere.
    pub async fn erase_customer(&self, caller: &Caller, id: CustomerId) -> Result<(), CustomerError> {
        reaches(caller, id, Permission::WriteCustomers)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let (tenant, now) = (caller.tenant, desk.now());
                tx.customer(tenant, id).await?.ok_or(CustomerError::UnknownCustomer)?;
                // A parcel on its way needs its address.
                if tx.has_orders_under_way(tenant, id).await? {
                    return Err(CustomerError::OrdersUnderWay);
                }
                tx.erase_customer(tenant, id).await?;
                tx.erase_person_from_orders(tenant, id).await?;
                let erased = Event::new(desk.id(now), EventName::CustomerErased, id, caller, now, json!({}));
                tx.record(tenant, &[erased]).await?;
                Ok(tx.keep(()).await?)
            })
            .await
    }
}

async fn orders_of(
    conn: &mut Conn,
    caller: &Caller,
    customer: CustomerId,
) -> Result<Vec<(Order, Vec<Line>)>, StoreError> {
    let mut found: Vec<(Order, Vec<Line>)> = Vec::new();
    let mut search = OrderSearch::default();
    loop {
        let page = conn.search_orders(caller.tenant, Some(customer), &search, ORDERS_AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        search.after = Some((last.created_at, last.id));
        let ids: Vec<OrderId> = page.iter().map(|order| order.id).collect();
        let mut lines = conn.order_lines(caller.tenant, &ids).await?;
        for order in page {
            let (of_order, rest) = lines.into_iter().partition(|line: &Line| line.order == order.id);
            lines = rest;
            found.push((order.seen_by(caller), of_order));
        }
    }
}

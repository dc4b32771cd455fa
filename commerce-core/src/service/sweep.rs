//! What time does to a shop: holds expire, unpaid orders are cancelled, activities end, goods run low.
//! A shop calls [`Shop::sweep`] every second or so; calling it twice, or from two machines, is as good as once.

use super::Shop;
use super::change_order::release;
use super::tab::{Outcome, Settling, save_tabs, settle};
use crate::caller::{Caller, Role};
use crate::event::{Event, EventName};
use crate::inventory::{InventoryTx, TxKind};
use crate::order::{Act, Hold, OrderError, OrderId};
use crate::payment::{Payment, Tab};
use crate::permission::Permission;
use crate::store::StoreError;
use serde_json::json;
use std::collections::HashMap;

/// What a sweep found to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub holds_expired: usize,
    pub orders_canceled: usize,
    pub activities_settled: usize,
    pub running_low: usize,
    /// Pending transfers given up.
    pub transfers_expired: usize,
}

/// Orders in one transaction: enough to be fast, few enough not to keep others waiting.
const AT_ONCE: u32 = 200;
const PAYMENT_TIMEOUT: &str = "payment timeout";

impl Shop {
    pub async fn sweep(&self, caller: &Caller) -> Result<Swept, OrderError> {
        caller.may(Permission::RunJobs)?;
        let mut swept = Swept::default();
        let mut is_more = true;
        while is_more {
            let expired = self.expire_holds(caller).await?;
            swept.holds_expired += expired;
            is_more = expired == AT_ONCE as usize;
        }
        is_more = true;
        while is_more {
            let canceled = self.cancel_overdue(caller).await?;
            swept.orders_canceled += canceled;
            is_more = canceled == AT_ONCE as usize;
        }
        swept.activities_settled = self.settle_ended_activities(caller).await?;
        swept.running_low = self.tell_running_low(caller).await?;
        swept.transfers_expired = self.expire_transfers(caller).await?;
        Ok(swept)
    }

    async fn expire_holds(&self, caller: &Caller) -> Result<usize, OrderError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let mut orders = tx.expired_holds(caller.tenant, now, AT_ONCE).await?;
                if orders.is_empty() {
                    return Ok(tx.leave(0));
                }
                release(desk, &mut tx, caller, &mut orders, TxKind::Expire, Hold::Expired).await?;
                orders.iter_mut().for_each(|order| order.touch(now));
                tx.save_orders(caller.tenant, &orders).await?;
                let events: Vec<Event> = orders
                    .iter()
                    .map(|order| desk.order_event(caller, order, EventName::OrderHoldExpired, json!({})))
                    .collect();
                tx.record(caller.tenant, &events).await?;
                Ok(tx.keep(orders.len()).await?)
            })
            .await
    }

    async fn cancel_overdue(&self, caller: &Caller) -> Result<usize, OrderError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let mut orders = tx.overdue_orders(caller.tenant, now, AT_ONCE).await?;
                if orders.is_empty() {
                    return Ok(tx.leave(0));
                }
                release(desk, &mut tx, caller, &mut orders, TxKind::Release, Hold::Released).await?;
                let ids: Vec<OrderId> = orders.iter().map(|order| order.id).collect();
                let mut payments: HashMap<OrderId, Vec<Payment>> = HashMap::new();
                for payment in tx.payments(caller.tenant, &ids).await? {
                    payments.entry(payment.order).or_default().push(payment);
                }
                let mut tabs = Vec::with_capacity(orders.len());
                for mut order in orders {
                    let payments = payments.remove(&order.id).unwrap_or_default();
                    PAYMENT_TIMEOUT.clone_into(&mut order.cancel_reason);
                    let mut tab = Tab::open(order, payments, now);
                    tab.order.act(Act::CancelUnpaid, Role::System, now)?;
                    settle(desk, &mut tx, caller, &mut tab, PAYMENT_TIMEOUT).await?;
                    tabs.push(tab);
                }
                let mut outcomes = Vec::with_capacity(tabs.len());
                for tab in &tabs {
                    let reason = json!({ "reason": "payment_timeout" });
                    let canceled = desk.order_event(caller, &tab.order, EventName::OrderCanceled, reason);
                    outcomes.push(Outcome { tab, settling: Settling::Still, events: vec![canceled] });
                }
                save_tabs(desk, &mut tx, caller, outcomes).await?;
                Ok(tx.keep(tabs.len()).await?)
            })
            .await
    }

    /// What ended activities did not sell goes back to the pool.
    async fn settle_ended_activities(&self, caller: &Caller) -> Result<usize, StoreError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let left = tx.ended_allotments(caller.tenant, now).await?;
                if left.is_empty() {
                    return Ok(tx.leave(0));
                }
                let entry = |(activity, stock, qty): &(crate::pricing::ActivityId, _, i64)| InventoryTx {
                    id: desk.id(now),
                    stock: *stock,
                    kind: TxKind::GiveBack,
                    owner: activity.to_string(),
                    line: None,
                    on_hand: 0,
                    reserved: -qty,
                };
                let journal: Vec<InventoryTx> = left.iter().map(entry).collect();
                tx.take_from_activities(caller.tenant, &left).await?;
                tx.move_stock(caller.tenant, &journal, now).await?;
                tx.keep(left.len()).await
            })
            .await
    }

    async fn tell_running_low(&self, caller: &Caller) -> Result<usize, StoreError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let low = tx.mark_running_low(caller.tenant).await?;
                let tell = |low: &crate::store::RunningLow| {
                    Event::new(
                        desk.id(now),
                        EventName::StockLow,
                        low.sku,
                        caller,
                        now,
                        json!({ "sku_code": low.code, "mark": low.mark }),
                    )
                };
                let events: Vec<Event> = low.iter().map(tell).collect();
                tx.record(caller.tenant, &events).await?;
                tx.keep(low.len()).await
            })
            .await
    }

    /// Sweeps every shop of this database.
    pub async fn sweep_all(&self) -> Result<Swept, OrderError> {
        let tenants = self.desk.store.read().await?.tenants().await?;
        let mut total = Swept::default();
        for tenant in tenants {
            let swept = self.sweep(&Caller::system(tenant.id)).await?;
            total.holds_expired += swept.holds_expired;
            total.orders_canceled += swept.orders_canceled;
            total.activities_settled += swept.activities_settled;
            total.running_low += swept.running_low;
            total.transfers_expired += swept.transfers_expired;
        }
        self.forget_sessions().await?;
        self.forget_deliveries().await?;
        Ok(total)
    }
}

//! Finding orders and moving them through their states.

use super::place_order::journal_of_take;
use super::{Desk, Shop, checkout};
use crate::caller::Caller;
use crate::catalog::SkuId;
use crate::event::{Event, EventName};
use crate::inventory::{InventoryTx, TxKind, Want};
use crate::order::{Act, Hold, Line, Order, OrderError, OrderId, Step};
use crate::permission::Permission;
use crate::store::{Held, OrderSearch, StoreError, Tx};
use crate::time::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

impl Shop {
    pub async fn order(&self, caller: &Caller, id: OrderId) -> Result<(Order, Vec<Line>), OrderError> {
        caller.may_as_owner_or(Permission::ReadOrders)?;
        let mut conn = self.desk.store.read().await?;
        let order = conn.order(caller.tenant, caller.owner(), id).await?.ok_or(OrderError::NotFound)?;
        let lines = conn.order_lines(caller.tenant, &[id]).await?;
        Ok((order.seen_by(caller), lines))
    }

    pub async fn order_by_no(&self, caller: &Caller, order_no: &str) -> Result<Order, OrderError> {
        caller.may_as_owner_or(Permission::ReadOrders)?;
        let order = self.desk.store.read().await?.order_by_no(caller.tenant, caller.owner(), order_no).await?;
        order.map(|order| order.seen_by(caller)).ok_or(OrderError::NotFound)
    }

    /// Newest first. A shopper finds only their own, whatever they look for.
    pub async fn search_orders(
        &self,
        caller: &Caller,
        search: &OrderSearch,
        limit: u32,
    ) -> Result<Vec<Order>, OrderError> {
        caller.may_as_owner_or(Permission::ReadOrders)?;
        // Whoever is shown masks must not find out what is behind them digit by digit.
        if !caller.sees_personal_data() && !matches!(search.phone_tail.len(), 0 | 4) {
            return Ok(Vec::new());
        }
        let mut conn = self.desk.store.read().await?;
        let found = conn.search_orders(caller.tenant, caller.owner(), search, limit.min(1_000)).await?;
        Ok(found.into_iter().map(|order| order.seen_by(caller)).collect())
    }

    /// The events of one order, oldest first.
    pub async fn order_history(&self, caller: &Caller, id: OrderId) -> Result<Vec<Event>, OrderError> {
        caller.may_as_owner_or(Permission::ReadOrders)?;
        let mut conn = self.desk.store.read().await?;
        conn.order(caller.tenant, caller.owner(), id).await?.ok_or(OrderError::NotFound)?;
        let history = conn.history(caller.tenant, id).await?;
        Ok(history.into_iter().map(|event| told_to(caller, event)).collect())
    }

    /// Any other move of the table in `docs/states.md` that needs nothing but the order itself. Cancelling has its own
    /// use case, and so has everything that touches parcels.
    pub async fn move_order(&self, caller: &Caller, id: OrderId, act: Act) -> Result<Order, OrderError> {
        caller.may_as_owner_or(match act {
            Act::Pick | Act::Pack | Act::Move => Permission::WriteParcels,
            _ => Permission::WriteOrders,
        })?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut order = load(&mut tx, caller, id).await?;
                if !NEED_ONLY_THE_ORDER.contains(&act) {
                    return Err(OrderError::IllegalMove { act, state: order.state, role: caller.role() });
                }
                let Step::Moved(event) = order.act(act, caller.role(), desk.now())? else { return Ok(tx.leave(order)) };
                if order.state.is_final() {
                    give_back_what_never_left(desk, &mut tx, caller, &mut order).await?;
                }
                save(desk, &mut tx, caller, &order, event, json!({})).await?;
                Ok(tx.keep(order).await?)
            })
            .await
    }
}

/// Who of its people did something is the shop's own business.
fn told_to(caller: &Caller, event: Event) -> Event {
    let is_theirs = caller.owner().is_none() || event.actor == caller.named_actor();
    if is_theirs { event } else { Event { actor: "shop".to_owned(), ..event } }
}

/// An order that ends half shipped still holds the rest of its goods.
pub(super) async fn give_back_what_never_left(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    order: &mut Order,
) -> Result<(), StoreError> {
    let held = tx.held(caller.tenant, &[order.id.to_string()], order.updated_at).await?;
    if held.is_empty() {
        return Ok(());
    }
    order.hold = Hold::Released;
    give_back(desk, tx, caller, &held, TxKind::Release, order.updated_at).await?;
    tx.unplan_parcels(caller.tenant, order.id, order.updated_at).await
}

/// The acts that neither reserve goods nor ship them nor move money.
const NEED_ONLY_THE_ORDER: &[Act] = &[
    Act::Submit,
    Act::Pick,
    Act::Pack,
    Act::Move,
    Act::Confirm,
    Act::Complete,
    Act::OpenAfterSale,
    Act::CloseAfterSale,
];

/// The order, if there is one that this caller may see.
pub(super) async fn load(tx: &mut Tx, caller: &Caller, id: OrderId) -> Result<Order, OrderError> {
    tx.order(caller.tenant, caller.owner(), id).await?.ok_or(OrderError::NotFound)
}

pub(super) async fn save(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    order: &Order,
    event: EventName,
    particulars: Value,
) -> Result<(), StoreError> {
    tx.save_orders(caller.tenant, std::slice::from_ref(order)).await?;
    tx.record(caller.tenant, &[desk.order_event(caller, order, event, particulars)]).await
}

/// Takes the goods of these lines from the shelf for the order.
pub(super) async fn reserve(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    order: OrderId,
    lines: &[Line],
    now: Timestamp,
) -> Result<(), OrderError> {
    let skus: BTreeSet<SkuId> = lines.iter().map(|line| line.sku).collect();
    let mut shelf = tx.shelf(caller.tenant, &skus).await?;
    let wants: Vec<Want> = lines.iter().map(|line| checkout::want(line, &shelf)).collect();
    let takes = shelf.allocate(&wants, now).map_err(|short| OrderError::InsufficientStock { left: short.left })?;
    let journal: Vec<InventoryTx> = takes.iter().flat_map(|take| journal_of_take(desk, order, take, now)).collect();
    let from_activities: Vec<_> =
        takes.iter().filter_map(|take| Some((take.activity?, take.stock, take.qty))).collect();
    tx.move_stock(caller.tenant, &journal, now).await?;
    Ok(tx.take_from_activities(caller.tenant, &from_activities).await?)
}

/// Gives back what orders hold: to the activity it came from while that runs, to the pool otherwise.
pub(super) async fn give_back(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    held: &[Held],
    kind: TxKind,
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut journal = Vec::with_capacity(held.len());
    let mut to_activities = Vec::new();
    for part in held {
        let entry = |kind, owner: String, line, reserved| InventoryTx {
            id: desk.id(now),
            stock: part.stock,
            kind,
            owner,
            line,
            on_hand: 0,
            reserved,
        };
        journal.push(entry(kind, part.owner.clone(), part.line, -part.qty));
        if let Some(activity) = part.activity {
            journal.push(entry(TxKind::SetAside, activity.to_string(), None, part.qty));
            to_activities.push((activity, part.stock, part.qty));
        }
    }
    tx.move_stock(caller.tenant, &journal, now).await?;
    tx.add_to_activities(caller.tenant, &to_activities).await
}

/// Goods that leave the house: no longer on hand, no longer reserved.
pub(super) fn leaving(desk: &Desk, held: &[Held], now: Timestamp) -> Vec<InventoryTx> {
    held.iter()
        .map(|part| InventoryTx {
            id: desk.id(now),
            stock: part.stock,
            kind: TxKind::Ship,
            owner: part.owner.clone(),
            line: part.line,
            on_hand: -part.qty,
            reserved: -part.qty,
        })
        .collect()
}

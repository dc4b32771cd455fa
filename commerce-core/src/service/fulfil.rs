//! From paid to delivered: parcels are planned, split, merged, shipped and delivered.

use super::Shop;
use super::case_ends::exchanged;
use super::move_order::{leaving, load, save};
use super::plan_parcels::{pieces, plan};
use crate::caller::Caller;
use crate::fulfilment::{
    Parcel, ParcelId, ParcelState, Piece, PlannedParcel, Proposal, ProposalId, ProposalKind, ProposalReason,
    ProposalState, by_warehouse, propose_merges, propose_split,
};
use crate::order::{Act, Order, OrderError, OrderId, State, Step};
use crate::permission::Permission;
use crate::store::{Held, ParcelMove, Settled, StoreError, Tx};
use crate::tenant::{Settings, Tenant};
use serde_json::json;
use std::collections::HashMap;

/// With whom and under which number a parcel travels.
#[derive(Clone, Debug, Default)]
pub struct Shipment {
    pub carrier: String,
    pub tracking_no: String,
}

/// More orders than these are looked at in the next round.
const LOOK_AT: u32 = 1_000;

impl Shop {
    /// PAID → ALLOCATED: plans one parcel for each warehouse the goods lie in.
    pub async fn allocate_order(&self, caller: &Caller, id: OrderId) -> Result<Order, OrderError> {
        caller.may(Permission::WriteParcels)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut order = load(&mut tx, caller, id).await?;
                let Step::Moved(event) = order.act(Act::Allocate, caller.role(), desk.now())? else {
                    return Ok(tx.leave(order));
                };
                let pieces = pieces(desk, &mut tx, caller, &[id]).await?;
                plan(desk, &mut tx, caller, by_warehouse(&pieces)).await?;
                save(desk, &mut tx, caller, &order, event, json!({})).await?;
                Ok(tx.keep(order).await?)
            })
            .await
    }

    pub async fn parcels(&self, caller: &Caller, order: OrderId) -> Result<Vec<Parcel>, OrderError> {
        caller.may_as_owner_or(Permission::ReadOrders)?;
        let mut conn = self.desk.store.read().await?;
        conn.order(caller.tenant, caller.owner(), order).await?.ok_or(OrderError::NotFound)?;
        Ok(conn.parcels(caller.tenant, &[order]).await?)
    }

    /// A parcel leaves: its goods go off the books, and each of its orders is SHIPPED, or PARTIAL_SHIPPED while others of
    /// its parcels wait.
    pub async fn ship_parcel(
        &self,
        caller: &Caller,
        parcel: ParcelId,
        shipment: &Shipment,
    ) -> Result<Vec<Order>, OrderError> {
        self.pass_parcel(caller, parcel, ParcelState::Planned, ParcelState::Shipped, shipment).await
    }

    /// A parcel arrived: orders all of whose parcels have arrived are DELIVERED.
    pub async fn deliver_parcel(&self, caller: &Caller, parcel: ParcelId) -> Result<Vec<Order>, OrderError> {
        self.pass_parcel(caller, parcel, ParcelState::Shipped, ParcelState::Delivered, &Shipment::default()).await
    }

    async fn pass_parcel(
        &self,
        caller: &Caller,
        id: ParcelId,
        from: ParcelState,
        to: ParcelState,
        shipment: &Shipment,
    ) -> Result<Vec<Order>, OrderError> {
        caller.may(Permission::WriteParcels)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let ids = tx.parcel_orders(caller.tenant, id).await?;
                let mut parcels = tx.parcels(caller.tenant, &ids).await?;
                let mut orders = tx.orders(caller.tenant, caller.owner(), &ids).await?;
                let parcel = parcels.iter_mut().find(|parcel| parcel.id == id).ok_or(OrderError::NotFound)?;
                if parcel.state != from {
                    return Ok(tx.leave(orders));
                }
                parcel.state = to;
                if to == ParcelState::Shipped {
                    let held = held_in(&mut tx, caller, parcel, &ids, now).await?;
                    tx.move_stock(caller.tenant, &leaving(desk, &held, now), now).await?;
                }
                let particulars = if to == ParcelState::Shipped {
                    json!({ "parcel": id, "carrier": shipment.carrier, "tracking_no": shipment.tracking_no })
                } else {
                    json!({ "parcel": id })
                };
                let mut events = Vec::new();
                let mut moved = Vec::new();
                let mut in_after_sale = Vec::new();
                for order in &mut orders {
                    // What is sent in exchange moves no order: that is in the hands of the after-sale case.
                    if matches!(order.state, State::AfterSaleOpen | State::PartialRefunded) {
                        in_after_sale.push(order.clone());
                        continue;
                    }
                    let Some(act) = act_of(order.id, &parcels, to) else { continue };
                    if let Step::Moved(event) = order.act(act, caller.role(), now)? {
                        events.push(desk.order_event(caller, order, event, particulars.clone()));
                        moved.push(order.clone());
                    }
                }
                let parcel_move = ParcelMove { to, carrier: &shipment.carrier, tracking_no: &shipment.tracking_no };
                tx.move_parcels(caller.tenant, &[id], &parcel_move, now).await?;
                tx.save_orders(caller.tenant, &moved).await?;
                tx.record(caller.tenant, &events).await?;
                for order in &mut in_after_sale {
                    exchanged(desk, &mut tx, caller, order, &parcels, to).await?;
                }
                Ok(tx.keep(orders).await?)
            })
            .await
    }

    /// Looks at the orders that wait for the warehouse and writes down which had better be split or merged.
    /// Proposing twice proposes once. Returns how many proposals are new.
    pub async fn propose(&self, caller: &Caller) -> Result<usize, OrderError> {
        caller.may(Permission::WriteParcels)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let settings =
                    tx.tenant(caller.tenant).await?.map(|tenant: Tenant| tenant.settings).unwrap_or_default();
                let waiting = tx.orders_to_ship(caller.tenant, LOOK_AT).await?;
                let paid: Vec<Order> = waiting.into_iter().filter(|order| order.state == State::Paid).collect();
                let ids: Vec<OrderId> = paid.iter().map(|order| order.id).collect();
                let mut of_order: HashMap<OrderId, Vec<Piece>> = HashMap::new();
                for piece in pieces(desk, &mut tx, caller, &ids).await? {
                    of_order.entry(piece.order).or_default().push(piece);
                }
                let new = |kind, orders, reason, plan| Proposal {
                    id: desk.id(now),
                    kind,
                    orders,
                    reason,
                    plan,
                    state: ProposalState::Open,
                    created_at: now,
                };
                let mut proposals = Vec::new();
                for id in &ids {
                    if let Some((reason, plan)) = of_order.get(id).and_then(|pieces| propose_split(pieces, &settings)) {
                        proposals.push(new(ProposalKind::Split, vec![*id], reason, plan));
                    }
                }
                for group in propose_merges(&paid, &settings) {
                    let together: Vec<Piece> =
                        group.iter().filter_map(|id| of_order.get(id)).flatten().cloned().collect();
                    proposals.push(new(ProposalKind::Merge, group, ProposalReason::SameDoor, by_warehouse(&together)));
                }
                if proposals.is_empty() {
                    return Ok(tx.leave(0));
                }
                let count = tx.insert_proposals(caller.tenant, &proposals, now).await?;
                Ok(tx.keep(count).await?)
            })
            .await
    }

    pub async fn proposals(&self, caller: &Caller, state: Option<ProposalState>) -> Result<Vec<Proposal>, OrderError> {
        caller.may(Permission::ReadOrders)?;
        Ok(self.desk.store.read().await?.proposals(caller.tenant, state).await?)
    }

    pub async fn decline_proposal(&self, caller: &Caller, id: ProposalId) -> Result<(), OrderError> {
        caller.may(Permission::WriteParcels)?;
        self.desk
            .store
            .write(move |mut tx| async move {
                let is_open = tx.decide_proposal(caller.tenant, id, ProposalState::Declined).await?;
                if is_open { Ok(tx.keep(()).await?) } else { Err(OrderError::ProposalClosed) }
            })
            .await
    }

    /// Does what was proposed, on the orders as they are now: parcels are planned and the orders ALLOCATED. Where an order
    /// has moved on since, the proposal is stale and nothing else changes.
    pub async fn accept_proposal(&self, caller: &Caller, id: ProposalId) -> Result<ProposalState, OrderError> {
        caller.may(Permission::WriteParcels)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let proposal = tx.proposal(caller.tenant, id).await?.ok_or(OrderError::ProposalClosed)?;
                if proposal.state != ProposalState::Open {
                    return Err(OrderError::ProposalClosed);
                }
                let settings =
                    tx.tenant(caller.tenant).await?.map(|tenant: Tenant| tenant.settings).unwrap_or_default();
                let mut orders = tx.orders(caller.tenant, None, &proposal.orders).await?;
                let pieces = pieces(desk, &mut tx, caller, &proposal.orders).await?;
                let plan_now = still_wanted(&proposal, &orders, &pieces, &settings);
                let state = if plan_now.is_some() { ProposalState::Accepted } else { ProposalState::Stale };
                if let Some(parcels) = plan_now {
                    plan(desk, &mut tx, caller, parcels).await?;
                    for order in &mut orders {
                        if let Step::Moved(event) = order.act(Act::Allocate, caller.role(), desk.now())? {
                            save(desk, &mut tx, caller, order, event, json!({ "proposal": id })).await?;
                        }
                    }
                }
                if !tx.decide_proposal(caller.tenant, id, state).await? {
                    return Err(tx.lost_a_race().into());
                }
                Ok::<Settled<ProposalState>, OrderError>(tx.keep(state).await?)
            })
            .await
    }
}

/// The proposal's plan, made anew from how things lie now; none if it would not be made any more.
fn still_wanted(
    proposal: &Proposal,
    orders: &[Order],
    pieces: &[Piece],
    settings: &Settings,
) -> Option<Vec<PlannedParcel>> {
    let all_wait = orders.len() == proposal.orders.len() && orders.iter().all(|order| order.state == State::Paid);
    if !all_wait {
        return None;
    }
    match proposal.kind {
        ProposalKind::Split => propose_split(pieces, settings).map(|(_, plan)| plan),
        ProposalKind::Merge => {
            (propose_merges(orders, settings) == [proposal.orders.clone()]).then(|| by_warehouse(pieces))
        }
    }
}

/// What an order does when one of its parcels has passed to `to`.
fn act_of(order: OrderId, parcels: &[Parcel], to: ParcelState) -> Option<Act> {
    let is_past = |state: ParcelState| match to {
        ParcelState::Shipped => matches!(state, ParcelState::Shipped | ParcelState::Delivered),
        ParcelState::Planned | ParcelState::Delivered | ParcelState::Canceled => state == to,
    };
    let mut mine = parcels.iter().filter(|parcel| parcel.items.iter().any(|item| item.order == order));
    let all = mine.all(|parcel| is_past(parcel.state));
    match (to, all) {
        (ParcelState::Shipped, true) => Some(Act::Ship),
        (ParcelState::Shipped, false) => Some(Act::ShipSome),
        (ParcelState::Delivered, true) => Some(Act::Deliver),
        (ParcelState::Delivered, false) | (ParcelState::Planned | ParcelState::Canceled, _) => None,
    }
}

/// The goods of one parcel as what its orders hold.
async fn held_in(
    tx: &mut Tx,
    caller: &Caller,
    parcel: &Parcel,
    orders: &[OrderId],
    now: crate::time::Timestamp,
) -> Result<Vec<Held>, StoreError> {
    let owners: Vec<String> = orders.iter().map(OrderId::to_string).collect();
    let held = tx.held(caller.tenant, &owners, now).await?;
    let part = |item: &crate::fulfilment::ParcelItem| {
        let held = held.iter().find(|held| held.line == Some(item.line) && held.stock == item.stock);
        held.map(|held| Held { qty: item.qty, ..held.clone() })
    };
    Ok(parcel.items.iter().filter_map(part).collect())
}

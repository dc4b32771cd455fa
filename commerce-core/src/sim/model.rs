//! The shop as a few plain numbers: what must be true whatever the database does.

use super::world::World;
use crate::catalog::SkuId;
use crate::error::Code;
use crate::order::{Hold, OrderId, State};
use crate::time::{MINUTE, Timestamp};
use rand::RngExt;
use rand::rngs::StdRng;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Verdict {
    Done,
    Refused(Code),
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) key: String,
    pub(super) customer: usize,
    pub(super) items: Vec<(SkuId, u32)>,
}

#[derive(Clone, Debug)]
pub(super) struct ModelOrder {
    pub(super) state: State,
    pub(super) hold: Hold,
    pub(super) items: Vec<(SkuId, u32)>,
    placed_at: Timestamp,
}

pub(super) struct Model {
    /// On hand, reserved.
    stock: BTreeMap<SkuId, (i64, i64)>,
    /// Bundles and their parts.
    parts: BTreeMap<SkuId, Vec<(SkuId, u32)>>,
    /// Which SKUs are variants of one product.
    product: BTreeMap<SkuId, usize>,
    pub(super) orders: BTreeMap<OrderId, ModelOrder>,
    by_key: BTreeMap<String, OrderId>,
    recent: Vec<OrderId>,
    pub(super) last_request: Option<Request>,
    customers: usize,
    now: Timestamp,
}

impl Model {
    pub(super) fn of(world: &World) -> Self {
        Self {
            stock: world.skus.iter().map(|(sku, _)| (*sku, (World::OPENING_STOCK, 0))).collect(),
            parts: world.bundles.iter().cloned().collect(),
            product: world.skus.iter().copied().collect(),
            orders: BTreeMap::new(),
            by_key: BTreeMap::new(),
            recent: Vec::new(),
            last_request: None,
            customers: world.customers.len(),
            now: world.opened_at,
        }
    }

    pub(super) fn skus(&self) -> Vec<SkuId> {
        self.stock.keys().copied().collect()
    }

    pub(super) fn stock(&self, sku: SkuId) -> (i64, i64) {
        self.stock[&sku]
    }

    pub(super) fn on_hand(&self, sku: SkuId) -> i64 {
        self.stock[&sku].0
    }

    pub(super) fn state(&self, order: OrderId) -> State {
        self.orders[&order].state
    }

    pub(super) fn random_request(&self, random: &mut StdRng, number: u64) -> Request {
        let everything: Vec<SkuId> = self.stock.keys().chain(self.parts.keys()).copied().collect();
        let mut items: Vec<(SkuId, u32)> = Vec::new();
        for _ in 0..random.random_range(1..4) {
            let sku = everything[random.random_range(0..everything.len())];
            if !items.iter().any(|(known, _)| *known == sku) {
                items.push((sku, random.random_range(1..5)));
            }
        }
        Request { key: format!("sim-key-{number:08}"), customer: random.random_range(0..self.customers), items }
    }

    /// One of the orders that are not long past.
    pub(super) fn random_order(&self, random: &mut StdRng) -> Option<OrderId> {
        let window = &self.recent[self.recent.len().saturating_sub(60)..];
        if window.is_empty() { None } else { Some(window[random.random_range(0..window.len())]) }
    }

    pub(super) fn random_delivery(&self, random: &mut StdRng) -> (SkuId, u32) {
        let skus = self.skus();
        (skus[random.random_range(0..skus.len())], random.random_range(1..40))
    }

    fn unpack(&self, items: &[(SkuId, u32)]) -> BTreeMap<SkuId, i64> {
        let mut goods = BTreeMap::new();
        for (sku, qty) in items {
            match self.parts.get(sku) {
                Some(parts) => {
                    parts.iter().for_each(|(part, per)| *goods.entry(*part).or_default() += i64::from(per * qty))
                }
                None => *goods.entry(*sku).or_default() += i64::from(*qty),
            }
        }
        goods
    }

    fn is_free(&self, items: &[(SkuId, u32)]) -> bool {
        self.unpack(items).iter().all(|(sku, qty)| self.stock[sku].0 - self.stock[sku].1 >= *qty)
    }

    fn reserve(&mut self, items: &[(SkuId, u32)], sign: i64) {
        for (sku, qty) in self.unpack(items) {
            if let Some(stock) = self.stock.get_mut(&sku) {
                stock.1 += sign * qty;
            }
        }
    }

    pub(super) fn place(&mut self, request: &Request, now: Timestamp) -> Verdict {
        self.now = now;
        if self.by_key.contains_key(&request.key) || self.is_free(&request.items) {
            Verdict::Done
        } else {
            Verdict::Refused(Code::InsufficientStock)
        }
    }

    /// The shop placed it: the first time it takes stock, the second time it must be the same order.
    pub(super) fn placed(&mut self, request: &Request, order: OrderId, total: i64) -> Result<(), String> {
        if let Some(known) = self.by_key.get(&request.key) {
            return if *known == order { Ok(()) } else { Err(format!("{} gave {order} after {known}", request.key)) };
        }
        if total <= 0 {
            return Err(format!("{order} costs {total}"));
        }
        self.reserve(&request.items.clone(), 1);
        let placed = ModelOrder {
            state: State::PendingPayment,
            hold: Hold::Held,
            items: request.items.clone(),
            placed_at: self.now,
        };
        self.orders.insert(order, placed);
        self.by_key.insert(request.key.clone(), order);
        self.recent.push(order);
        self.last_request = Some(request.clone());
        Ok(())
    }

    fn order(&mut self, order: OrderId) -> ModelOrder {
        self.orders[&order].clone()
    }

    fn change(&mut self, order: OrderId, change: impl FnOnce(&mut ModelOrder)) {
        if let Some(order) = self.orders.get_mut(&order) {
            change(order);
        }
    }

    pub(super) fn pay(&mut self, id: OrderId) -> Verdict {
        let order = self.order(id);
        match (order.state, order.hold) {
            (State::PendingPayment, Hold::Held) => {
                self.change(id, |order| (order.state, order.hold) = (State::Paid, Hold::Consumed));
                Verdict::Done
            }
            (State::PendingPayment, _) => Verdict::Refused(Code::HoldExpired),
            (State::Paid, _) => Verdict::Done,
            _ => Verdict::Refused(Code::IllegalMove),
        }
    }

    pub(super) fn reclaim(&mut self, id: OrderId) -> Verdict {
        let order = self.order(id);
        if (order.state, order.hold) != (State::PendingPayment, Hold::Expired) {
            return self.pay(id);
        }
        if !self.is_free(&order.items) {
            return Verdict::Refused(Code::InsufficientStock);
        }
        self.reserve(&order.items, 1);
        self.change(id, |order| (order.state, order.hold) = (State::Paid, Hold::Consumed));
        Verdict::Done
    }

    pub(super) fn cancel(&mut self, id: OrderId) -> Verdict {
        let order = self.order(id);
        match order.state {
            State::Created | State::PendingPayment | State::Paid | State::Allocated => {
                self.let_go(id, Hold::Released);
                self.change(id, |order| order.state = State::Canceled);
                Verdict::Done
            }
            State::Canceled => Verdict::Done,
            _ => Verdict::Refused(Code::IllegalMove),
        }
    }

    fn let_go(&mut self, id: OrderId, to: Hold) {
        let order = self.order(id);
        if matches!(order.hold, Hold::Held | Hold::Consumed) {
            self.reserve(&order.items, -1);
            self.change(id, |order| order.hold = to);
        }
    }

    pub(super) fn change_address(&mut self, id: OrderId) -> Verdict {
        if self.orders[&id].state.is_before_shipping() { Verdict::Done } else { Verdict::Refused(Code::ChangeRefused) }
    }

    /// One step on the way from paid to confirmed.
    pub(super) fn fulfil(&mut self, id: OrderId) -> Verdict {
        let order = self.order(id);
        let next = match order.state {
            State::Paid => State::Allocated,
            State::Allocated => State::Picked,
            State::Picked => State::Packed,
            State::Packed => {
                for (sku, qty) in self.unpack(&order.items) {
                    if let Some(stock) = self.stock.get_mut(&sku) {
                        *stock = (stock.0 - qty, stock.1 - qty);
                    }
                }
                State::Shipped
            }
            State::Shipped => State::Delivered,
            State::Delivered => State::Confirmed,
            State::Confirmed => State::Completed,
            other => other,
        };
        self.change(id, |order| order.state = next);
        Verdict::Done
    }

    pub(super) fn swap(&mut self, id: OrderId, position: usize, to: SkuId) -> Verdict {
        let order = self.order(id);
        if !(order.state.is_unpaid() || matches!(order.state, State::Paid | State::Allocated)) {
            return Verdict::Refused(Code::ChangeRefused);
        }
        let (from, qty) = order.items[position];
        if from == to || !self.product.contains_key(&from) || self.product.get(&from) != self.product.get(&to) {
            return Verdict::Refused(Code::ChangeRefused);
        }
        let is_holding = matches!(order.hold, Hold::Held | Hold::Consumed);
        if is_holding {
            if self.stock[&to].0 - self.stock[&to].1 < i64::from(qty) {
                return Verdict::Refused(Code::InsufficientStock);
            }
            self.reserve(&[(from, qty)], -1);
            self.reserve(&[(to, qty)], 1);
        }
        self.change(id, |order| order.items[position] = (to, qty));
        Verdict::Done
    }

    pub(super) fn receive(&mut self, sku: SkuId, qty: u32) {
        if let Some(stock) = self.stock.get_mut(&sku) {
            stock.0 += i64::from(qty);
        }
    }

    pub(super) fn time_passes(&mut self, now: Timestamp) {
        self.now = now;
        let waiting = |order: &ModelOrder, minutes| now.micros() - order.placed_at.micros() >= minutes * MINUTE;
        let expired: Vec<OrderId> =
            self.orders.iter().filter(|(_, o)| o.hold == Hold::Held && waiting(o, 15)).map(|(id, _)| *id).collect();
        let overdue: Vec<OrderId> =
            self.orders.iter().filter(|(_, o)| o.state.is_unpaid() && waiting(o, 30)).map(|(id, _)| *id).collect();
        for id in expired {
            self.let_go(id, Hold::Expired);
        }
        for id in overdue {
            self.change(id, |order| order.state = State::Canceled);
        }
    }
}

//! Telling endpoints of events: at least once each, under ids that never change. The events of an endpoint are first tried
//! in the order of its sequence, a few at once; one that fails waits by itself and holds back none of the others, so an
//! endpoint that needs the order goes by the sequence. Any number of processes may do this at the same time.

use super::Shop;
use crate::caller::Caller;
use crate::event::{Event, EventId, Placed};
use crate::permission::Permission;
use crate::port::{Courier, Outcome};
use crate::store::{Queued, StoreError};
use crate::tenant::TenantId;
use crate::time::{DAY, MINUTE};
use crate::webhook::{Delivery, DeliveryId, DeliveryState, Endpoint, PATIENCE, WebhookError, letter};
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use std::collections::{BTreeSet, HashMap};
use std::ops::AddAssign;

/// What became of the letters of a round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    pub delivered: usize,
    /// To be tried again.
    pub failed: usize,
    pub given_up: usize,
}

/// The name under which the event log knows how far events were queued.
const CONSUMER: &str = "webhooks";
/// Events in one write.
const EVENTS_AT_ONCE: u32 = 500;
const SHOPS_AT_ONCE: usize = 16;
/// Longer than any courier takes. After it, what nobody reported on is sent again.
const LEASE: i64 = MINUTE;
/// How long people can look at what was delivered or given up, and replay it.
const REMEMBERED: i64 = 30 * DAY;
const FORGOTTEN_AT_ONCE: u32 = 1_000;
const OVERDUE: &str = "the endpoint took nothing until the time was over";

/// What is sent to one endpoint in a round.
struct Batch {
    endpoint: Endpoint,
    letters: Vec<(Delivery, Event)>,
}

impl Shop {
    /// Queues new events for the endpoints that want them, for every shop of this database, and says how many that made. An event and
    /// its place in the queue of each endpoint are one commit, so none is missed and none is queued twice.
    pub async fn fan_out(&self) -> Result<usize, WebhookError> {
        let mut queued = 0;
        loop {
            let events = self.desk.store.next_events(CONSUMER, EVENTS_AT_ONCE).await?;
            if events.is_empty() {
                return Ok(queued);
            }
            match self.queue(&events).await {
                Ok(more) => queued += more,
                // Somebody else is at it.
                Err(StoreError::Contended) => return Ok(queued),
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn queue(&self, events: &[Placed]) -> Result<usize, StoreError> {
        let desk = &*self.desk;
        let tenants: BTreeSet<TenantId> = events.iter().map(|placed| placed.tenant).collect();
        let tenants = &tenants.into_iter().collect::<Vec<_>>();
        desk.store
            .write(move |mut tx| async move {
                // First of all, so that of two who are at the same events one ends here.
                tx.mark_consumed(CONSUMER, events).await?;
                let mut listeners = tx.lock_listeners(tenants).await?;
                let mut queued: Vec<Queued> = Vec::new();
                for placed in events {
                    queued.extend(listeners.iter_mut().filter_map(|listener| listener.queue(placed)));
                }
                tx.queue_deliveries(&listeners, &queued, desk.now()).await?;
                tx.keep(queued.len()).await
            })
            .await
    }

    /// Sends what is due of one shop, once: a few letters to each endpoint, to all of them at the same time. A shop calls this every
    /// second or so, and again at once while anything is delivered.
    pub async fn deliver_due(&self, caller: &Caller, courier: &dyn Courier) -> Result<Delivered, WebhookError> {
        caller.may(Permission::RunJobs)?;
        let claim = &self.desk.mint.code(20);
        let Some((shop, batches)) = self.claim_due(caller, claim).await? else { return Ok(Delivered::default()) };
        let rounds = batches.iter().map(async |batch| {
            // What one endpoint answered is noted without waiting for the others.
            let outcomes = self.send(courier, &shop, batch).await?;
            self.note(caller, claim, batch, &outcomes).await
        });
        let mut total = Delivered::default();
        for done in join_all(rounds).await {
            total += done?;
        }
        Ok(total)
    }

    /// Sends what is due of every shop of this database.
    pub async fn deliver_all(&self, courier: &dyn Courier) -> Result<Delivered, WebhookError> {
        let tenants = self.desk.store.read().await?.tenants().await?;
        // At the same time: nobody waits for another shop's slow endpoint.
        let rounds = tenants.into_iter().map(async |tenant| {
            let caller = Caller::system(tenant.id);
            self.deliver_due(&caller, courier).await
        });
        let done: Vec<_> = stream::iter(rounds).buffer_unordered(SHOPS_AT_ONCE).collect().await;
        let mut total = Delivered::default();
        for round in done {
            total += round?;
        }
        Ok(total)
    }

    /// Takes what is to be sent now, so that no other process sends it, and says as which shop. None if there is nothing.
    async fn claim_due(&self, caller: &Caller, claim: &str) -> Result<Option<(String, Vec<Batch>)>, WebhookError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let endpoints = tx.lock_due_endpoints(caller.tenant, now).await?;
                if endpoints.is_empty() {
                    return Ok(tx.leave(None));
                }
                desk.master_key()?;
                let under_way = tx.letters_under_way(caller.tenant, now).await?;
                let mut due: Vec<(Endpoint, Vec<Delivery>)> = Vec::new();
                for endpoint in endpoints {
                    let busy = under_way.get(&endpoint.id).copied().unwrap_or(0);
                    let room = endpoint.breaker.letters_at_once(now).saturating_sub(busy);
                    if room > 0 {
                        let deliveries = tx.due_deliveries(caller.tenant, endpoint.id, now, room).await?;
                        due.push((endpoint, deliveries));
                    }
                }
                if due.iter().all(|(_, deliveries)| deliveries.is_empty()) {
                    return Ok(tx.leave(None));
                }
                let all = || due.iter().flat_map(|(_, deliveries)| deliveries);
                let ids: Vec<DeliveryId> = all().map(|delivery| delivery.id).collect();
                let events: Vec<EventId> = all().map(|delivery| delivery.event).collect();
                tx.claim_deliveries(caller.tenant, &ids, claim, (now, now.plus_micros(LEASE))).await?;
                let events = tx.events(caller.tenant, &events).await?;
                let shop = tx.tenant(caller.tenant).await?.map_or_else(String::new, |tenant| tenant.code);
                Ok(tx.keep(Some((shop, with_events(due, events)))).await?)
            })
            .await
    }

    async fn send(&self, courier: &dyn Courier, shop: &str, batch: &Batch) -> Result<Vec<Outcome>, WebhookError> {
        let (desk, master) = (&*self.desk, self.desk.master_key()?);
        let sent = batch.letters.iter().map(async |(delivery, event)| {
            let letter = letter(shop, &batch.endpoint, (delivery, event), master, desk.now());
            courier.deliver(&letter).await
        });
        Ok(join_all(sent).await)
    }

    async fn note(
        &self,
        caller: &Caller,
        claim: &str,
        batch: &Batch,
        outcomes: &[Outcome],
    ) -> Result<Delivered, WebhookError> {
        let desk = &*self.desk;
        let (id, now) = (batch.endpoint.id, desk.now());
        let mut tried: Vec<Delivery> = batch.letters.iter().map(|(delivery, _)| delivery.clone()).collect();
        for (delivery, outcome) in tried.iter_mut().zip(outcomes) {
            delivery.tried(outcome, now, u64::from_le_bytes(desk.mint.bytes()));
        }
        let tried = &tried;
        desk.store
            .write(move |mut tx| async move {
                let Some(mut endpoint) = tx.lock_endpoint(caller.tenant, id).await? else {
                    // Removed meanwhile, and whatever was on its way with it.
                    return Ok(tx.leave(Delivered::default()));
                };
                let mut total = Delivered::of(tried);
                tx.save_tries(caller.tenant, claim, tried).await?;
                let before = endpoint.breaker;
                endpoint.hear(tried, now);
                if endpoint.breaker != before {
                    tx.save_endpoint(caller.tenant, &endpoint, now).await?;
                }
                if endpoint.breaker.open_until > now {
                    // Most of what waits behind an open breaker would never be tried often enough to be given up.
                    let overdue = (now.plus_micros(-PATIENCE), now);
                    total.given_up += tx.give_up_overdue(caller.tenant, id, overdue, OVERDUE).await?;
                }
                Ok(tx.keep(total).await?)
            })
            .await
    }

    /// Forgets what was settled long ago.
    pub(super) async fn forget_deliveries(&self) -> Result<(), StoreError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                match tx.forget_deliveries(desk.now().plus_micros(-REMEMBERED), FORGOTTEN_AT_ONCE).await? {
                    0 => Ok(tx.leave(())),
                    _ => tx.keep(()).await,
                }
            })
            .await
    }
}

fn with_events(due: Vec<(Endpoint, Vec<Delivery>)>, events: Vec<Event>) -> Vec<Batch> {
    let events: HashMap<EventId, Event> = events.into_iter().map(|event| (event.id, event)).collect();
    let letter = |delivery: Delivery| {
        let event = events.get(&delivery.event)?.clone();
        Some((delivery, event))
    };
    let batch = |(endpoint, deliveries): (Endpoint, Vec<Delivery>)| Batch {
        endpoint,
        letters: deliveries.into_iter().filter_map(letter).collect(),
    };
    due.into_iter().map(batch).collect()
}

impl Delivered {
    fn of(tried: &[Delivery]) -> Self {
        let count = |state| tried.iter().filter(|delivery| delivery.state == state).count();
        Self {
            delivered: count(DeliveryState::Delivered),
            failed: count(DeliveryState::Pending),
            given_up: count(DeliveryState::Dead),
        }
    }
}

impl AddAssign for Delivered {
    fn add_assign(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.failed += other.failed;
        self.given_up += other.given_up;
    }
}

//! Who outside hears of events: endpoints, their secrets, and what they are to hear again.

use super::{Desk, Shop};
use crate::caller::Caller;
use crate::event::{Event, EventName};
use crate::permission::Permission;
use crate::secret::{MasterKey, Secret};
use crate::store::{DeliverySearch, StoreError, Tx};
use crate::time::Timestamp;
use crate::webhook::{
    Breaker, Delivery, DeliveryId, Endpoint, EndpointId, EndpointState, MOST_ENDPOINTS, WebhookError, check_events,
    check_url,
};
use serde_json::{Value, json};

/// An endpoint and its secret, which is told this once. The shop derives it anew whenever it signs.
#[derive(Clone, Debug)]
pub struct EndpointSecret {
    pub endpoint: Endpoint,
    pub secret: Secret,
}

/// What is to be otherwise at an endpoint; the rest stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EndpointChange {
    pub url: Option<String>,
    pub events: Option<Vec<String>>,
    /// Whether events wait for it until it goes on.
    pub is_paused: Option<bool>,
}

const REMOVED: &str = "the endpoint was removed";

impl Shop {
    /// Tells somebody outside of events from now on: of these, or of all where none are named.
    pub async fn add_endpoint(
        &self,
        caller: &Caller,
        url: &str,
        events: &[String],
    ) -> Result<EndpointSecret, WebhookError> {
        caller.may(Permission::WriteWebhooks)?;
        let desk = &*self.desk;
        check_url(url, desk.reach())?;
        check_events(events)?;
        let now = desk.now();
        let endpoint = Endpoint {
            id: desk.id(now),
            url: url.to_owned(),
            events: events.to_vec(),
            state: EndpointState::Active,
            breaker: Breaker::CLOSED,
            created_at: now,
            sequence: 0,
            generation: 1,
            overlap_until: Timestamp::from_micros(0),
        };
        let secret = endpoint.secret(desk.master_key()?);
        let added = &EndpointSecret { endpoint, secret };
        // What happened before has its place in the log then, and is not for it.
        desk.store.place_all_events().await?;
        desk.store
            .write(move |mut tx| async move {
                if tx.endpoints(caller.tenant).await?.len() >= MOST_ENDPOINTS {
                    return Err(WebhookError::TooManyEndpoints);
                }
                tx.insert_endpoint(caller.tenant, &added.endpoint).await?;
                tell(desk, &mut tx, caller, EventName::WebhookAdded, (added.endpoint.id, standing(&added.endpoint)))
                    .await?;
                Ok(tx.keep(added.clone()).await?)
            })
            .await
    }

    /// All endpoints, oldest first.
    pub async fn endpoints(&self, caller: &Caller) -> Result<Vec<Endpoint>, WebhookError> {
        caller.may(Permission::WriteWebhooks)?;
        Ok(self.desk.store.read().await?.endpoints(caller.tenant).await?)
    }

    pub async fn change_endpoint(
        &self,
        caller: &Caller,
        id: EndpointId,
        change: &EndpointChange,
    ) -> Result<Endpoint, WebhookError> {
        caller.may(Permission::WriteWebhooks)?;
        let desk = &*self.desk;
        if let Some(url) = &change.url {
            check_url(url, desk.reach())?;
        }
        check_events(change.events.as_deref().unwrap_or_default())?;
        desk.store
            .write(move |mut tx| async move {
                let mut endpoint = tx.lock_endpoint(caller.tenant, id).await?.ok_or(WebhookError::UnknownEndpoint)?;
                if let Some(url) = &change.url {
                    endpoint.url.clone_from(url);
                }
                if let Some(events) = &change.events {
                    endpoint.events.clone_from(events);
                }
                endpoint.state = match change.is_paused {
                    Some(true) => EndpointState::Paused,
                    Some(false) => EndpointState::Active,
                    None => endpoint.state,
                };
                // Whoever moves it or lets it go on expects it to answer now.
                if change.url.is_some() || change.is_paused == Some(false) {
                    endpoint.breaker = Breaker::CLOSED;
                }
                tx.save_endpoint(caller.tenant, &endpoint, desk.now()).await?;
                tell(desk, &mut tx, caller, EventName::WebhookChanged, (id, standing(&endpoint))).await?;
                Ok(tx.keep(endpoint).await?)
            })
            .await
    }

    /// A new secret. For a day the one before signs, too; rotated twice, it ends at once.
    pub async fn rotate_endpoint_secret(
        &self,
        caller: &Caller,
        id: EndpointId,
    ) -> Result<EndpointSecret, WebhookError> {
        caller.may(Permission::WriteWebhooks)?;
        let desk = &*self.desk;
        let master = desk.master_key()?;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let mut endpoint = tx.lock_endpoint(caller.tenant, id).await?.ok_or(WebhookError::UnknownEndpoint)?;
                endpoint.rotate(now);
                tx.save_endpoint(caller.tenant, &endpoint, now).await?;
                tell(desk, &mut tx, caller, EventName::WebhookSecretRotated, (id, standing(&endpoint))).await?;
                let secret = endpoint.secret(master);
                Ok(tx.keep(EndpointSecret { endpoint, secret }).await?)
            })
            .await
    }

    /// Ends an endpoint. What was on its way to it is given up.
    pub async fn remove_endpoint(&self, caller: &Caller, id: EndpointId) -> Result<(), WebhookError> {
        caller.may(Permission::WriteWebhooks)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let mut endpoint = tx.lock_endpoint(caller.tenant, id).await?.ok_or(WebhookError::UnknownEndpoint)?;
                endpoint.state = EndpointState::Removed;
                tx.save_endpoint(caller.tenant, &endpoint, now).await?;
                tx.give_up_all(caller.tenant, id, now, REMOVED).await?;
                tell(desk, &mut tx, caller, EventName::WebhookRemoved, (id, standing(&endpoint))).await?;
                Ok(tx.keep(()).await?)
            })
            .await
    }

    /// What was sent or is on its way, newest event first.
    pub async fn deliveries(
        &self,
        caller: &Caller,
        search: &DeliverySearch,
        limit: u32,
    ) -> Result<Vec<Delivery>, WebhookError> {
        caller.may(Permission::WriteWebhooks)?;
        Ok(self.desk.store.read().await?.deliveries(caller.tenant, search, limit).await?)
    }

    /// Sends one event anew, under the same ids. One that is being sent just now is left to that.
    pub async fn replay_delivery(&self, caller: &Caller, id: DeliveryId) -> Result<Delivery, WebhookError> {
        caller.may(Permission::WriteWebhooks)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let known = tx.delivery(caller.tenant, id).await?.ok_or(WebhookError::UnknownDelivery)?;
                let endpoint = tx.lock_endpoint(caller.tenant, known.endpoint).await?;
                let endpoint = endpoint.ok_or(WebhookError::UnknownEndpoint)?.id;
                if !tx.replay_delivery(caller.tenant, id, now).await? {
                    return Ok(tx.leave(known));
                }
                let what = json!({ "delivery": id, "event": known.event });
                tell(desk, &mut tx, caller, EventName::WebhookReplayed, (endpoint, what)).await?;
                let replayed = tx.delivery(caller.tenant, id).await?.ok_or(WebhookError::UnknownDelivery)?;
                Ok(tx.keep(replayed).await?)
            })
            .await
    }

    /// Sends all events anew that happened since then and are settled with this endpoint, and says how many they are.
    pub async fn replay_since(&self, caller: &Caller, id: EndpointId, since: Timestamp) -> Result<usize, WebhookError> {
        caller.may(Permission::WriteWebhooks)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                tx.lock_endpoint(caller.tenant, id).await?.ok_or(WebhookError::UnknownEndpoint)?;
                let replayed = tx.replay_since(caller.tenant, id, since, desk.now()).await?;
                if replayed == 0 {
                    return Ok(tx.leave(0));
                }
                let what = json!({ "since": since, "deliveries": replayed });
                tell(desk, &mut tx, caller, EventName::WebhookReplayed, (id, what)).await?;
                Ok(tx.keep(replayed).await?)
            })
            .await
    }
}

/// How an endpoint is now. Of its address only the machine: the rest may hold what nobody else should know.
fn standing(endpoint: &Endpoint) -> Value {
    json!({ "host": endpoint.host(), "events": endpoint.events, "state": endpoint.state.to_string() })
}

async fn tell(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    name: EventName,
    (id, payload): (EndpointId, Value),
) -> Result<(), StoreError> {
    let now = desk.now();
    tx.record(caller.tenant, &[Event::new(desk.id(now), name, id, caller, now, payload)]).await
}

impl Desk {
    pub(super) fn master_key(&self) -> Result<&MasterKey, WebhookError> {
        self.master.get().ok_or(WebhookError::NoMasterKey)
    }

    fn reach(&self) -> crate::webhook::Reach {
        self.reach.get().copied().unwrap_or_default()
    }
}

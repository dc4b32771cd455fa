use super::payment::read_clock;
use super::{Cell, Conn, Row, StoreError, Tx};
use crate::event::{EventId, Placed};
use crate::id::Id;
use crate::tenant::TenantId;
use crate::time::Timestamp;
use crate::webhook::{Breaker, Delivery, DeliveryId, DeliveryState, Endpoint, EndpointId, EndpointState};
use serde_json::json;
use std::collections::HashMap;

/// Which deliveries to list. `None` is any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeliverySearch {
    pub endpoint: Option<EndpointId>,
    pub state: Option<DeliveryState>,
    /// The last delivery of the page before.
    pub before: Option<DeliveryId>,
}

/// An endpoint that may have to hear of an event.
pub(crate) struct Listener {
    pub(crate) tenant: TenantId,
    pub(crate) endpoint: Endpoint,
    since: i64,
}

/// An event that is to be told to an endpoint.
pub(crate) struct Queued {
    id: DeliveryId,
    tenant: TenantId,
    endpoint: EndpointId,
    event: EventId,
    sequence: i64,
}

impl Listener {
    /// The delivery of this event, if it is for this endpoint. However often it is asked for, it has the same id.
    pub(crate) fn queue(&mut self, placed: &Placed) -> Option<Queued> {
        let Self { tenant, endpoint, since } = self;
        if placed.tenant != *tenant || placed.position <= *since || !endpoint.wants(&placed.event.name) {
            return None;
        }
        endpoint.sequence += 1;
        let id = Id::following(placed.event.id, &endpoint.id.to_string());
        let (endpoint, sequence) = (endpoint.id, endpoint.sequence);
        Some(Queued { id, tenant: *tenant, endpoint, event: placed.event.id, sequence })
    }
}

/// Rows in one statement: neither database takes any number of parameters.
const ROWS_AT_ONCE: usize = 1_000;

impl Conn {
    /// All that were not removed, oldest first.
    pub(crate) async fn endpoints(&mut self, tenant: TenantId) -> Result<Vec<Endpoint>, StoreError> {
        let rows = self.sql(include_str!("sql/webhook/endpoints.sql")).text(tenant).rows().await?;
        rows.iter().map(read_endpoint).collect()
    }

    pub(crate) async fn deliveries(
        &mut self,
        tenant: TenantId,
        search: &DeliverySearch,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let word = |id: Option<String>| id.unwrap_or_default();
        let rows = self
            .sql(include_str!("sql/webhook/search.sql"))
            .text(tenant)
            .text(word(search.endpoint.map(|id| id.to_string())))
            .text(word(search.state.map(|state| state.to_string())))
            .text(word(search.before.map(|id| id.to_string())))
            .int(limit)
            .rows()
            .await?;
        rows.iter().map(read_delivery).collect()
    }

    pub(crate) async fn delivery(&mut self, tenant: TenantId, id: DeliveryId) -> Result<Option<Delivery>, StoreError> {
        let row = self.sql(include_str!("sql/webhook/find_delivery.sql")).text(tenant).text(id).row().await?;
        row.as_ref().map(read_delivery).transpose()
    }

    /// How many letters are on their way to each endpoint, where there are any.
    pub(crate) async fn letters_under_way(
        &mut self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<HashMap<EndpointId, u32>, StoreError> {
        let rows = self.sql(include_str!("sql/webhook/under_way.sql")).text(tenant).time(now).rows().await?;
        rows.iter().map(|row| Ok((row.id("endpoint")?, row.count("letters")?))).collect()
    }

    /// The next to be sent to an endpoint.
    pub(crate) async fn due_deliveries(
        &mut self,
        tenant: TenantId,
        endpoint: EndpointId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Delivery>, StoreError> {
        let due = self.sql(include_str!("sql/webhook/due.sql")).text(tenant).text(endpoint).time(now).int(limit);
        due.rows().await?.iter().map(read_delivery).collect()
    }
}

impl Tx {
    pub(crate) async fn insert_endpoint(&mut self, tenant: TenantId, endpoint: &Endpoint) -> Result<(), StoreError> {
        self.sql(include_str!("sql/webhook/insert_endpoint.sql"))
            .text(endpoint.id)
            .text(tenant)
            .text(&endpoint.url)
            .json(&endpoint.events)
            .text(endpoint.state)
            .int(endpoint.generation)
            .time(endpoint.created_at)
            .run()
            .await
    }

    /// The endpoint, for this write alone.
    pub(crate) async fn lock_endpoint(
        &mut self,
        tenant: TenantId,
        id: EndpointId,
    ) -> Result<Option<Endpoint>, StoreError> {
        let row = self.sql(include_str!("sql/webhook/lock_endpoint.sql")).text(tenant).text(id).row().await?;
        row.as_ref().map(read_endpoint).transpose()
    }

    /// The endpoints to which something can be sent now, for this write alone.
    pub(crate) async fn lock_due_endpoints(
        &mut self,
        tenant: TenantId,
        now: Timestamp,
    ) -> Result<Vec<Endpoint>, StoreError> {
        let rows = self.sql(include_str!("sql/webhook/lock_due_endpoints.sql")).text(tenant).time(now).rows().await?;
        rows.iter().map(read_endpoint).collect()
    }

    /// The endpoints of these shops, for this write alone.
    pub(crate) async fn lock_listeners(&mut self, tenants: &[TenantId]) -> Result<Vec<Listener>, StoreError> {
        let tenants: Vec<_> = tenants.iter().map(|tenant| json!({ "id": tenant })).collect();
        let rows = self.sql(include_str!("sql/webhook/lock_listeners.sql")).json(&tenants).rows().await?;
        let listener = |row: &Row| {
            Ok(Listener { tenant: row.id("tenant")?, endpoint: read_endpoint(row)?, since: row.int("since")? })
        };
        rows.iter().map(listener).collect()
    }

    /// Saves an endpoint that this write has locked; its sequence is counted by [`Tx::queue_deliveries`] alone.
    pub(crate) async fn save_endpoint(
        &mut self,
        tenant: TenantId,
        endpoint: &Endpoint,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql(include_str!("sql/webhook/save_endpoint.sql"))
            .text(tenant)
            .text(endpoint.id)
            .text(&endpoint.url)
            .json(&endpoint.events)
            .text(endpoint.state)
            .int(endpoint.generation)
            .time(endpoint.overlap_until)
            .int(endpoint.breaker.failures)
            .time(endpoint.breaker.open_until)
            .time(now)
            .run()
            .await
    }

    /// Queues events for the endpoints that were locked for it, and keeps how far these have counted.
    pub(crate) async fn queue_deliveries(
        &mut self,
        listeners: &[Listener],
        queued: &[Queued],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let row = |q: &Queued| {
            vec![
                Cell::text(q.id),
                Cell::text(q.tenant),
                Cell::text(q.endpoint),
                Cell::text(q.event),
                Cell::int(q.sequence),
                Cell::time(now),
            ]
        };
        for some in queued.chunks(ROWS_AT_ONCE) {
            let rows = some.iter().map(row).collect();
            self.sql_rows(include_str!("sql/webhook/insert_deliveries.sql"), rows).run().await?;
        }
        let count = |one: &Listener| {
            vec![Cell::text(one.endpoint.id), Cell::text(one.tenant), Cell::int(one.endpoint.sequence)]
        };
        for some in listeners.chunks(ROWS_AT_ONCE) {
            let rows = some.iter().map(count).collect();
            self.sql_rows(include_str!("sql/webhook/save_sequences.sql"), rows).run().await?;
        }
        Ok(())
    }

    /// Notes whose try of these begins; others leave them alone `until` then. Looks again if somebody was faster.
    pub(crate) async fn claim_deliveries(
        &mut self,
        tenant: TenantId,
        ids: &[DeliveryId],
        claim: &str,
        (now, until): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        let ids: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        let claimed = self
            .sql(include_str!("sql/webhook/claim.sql"))
            .text(tenant)
            .json(&ids)
            .text(claim)
            .time(until)
            .time(now)
            .changes()
            .await?;
        if claimed == ids.len() { Ok(()) } else { Err(self.lost_a_race()) }
    }

    /// Saves what came of the tries that still have their claim.
    pub(crate) async fn save_tries(
        &mut self,
        tenant: TenantId,
        claim: &str,
        deliveries: &[Delivery],
    ) -> Result<(), StoreError> {
        let row = |d: &Delivery| {
            vec![
                Cell::text(d.id),
                Cell::text(tenant),
                Cell::text(claim),
                Cell::text(d.state),
                Cell::int(d.attempts),
                Cell::time(d.next_at),
                Cell::int(d.last_status.unwrap_or(0)),
                Cell::text(&d.last_error),
                Cell::time(d.settled_at.unwrap_or(Timestamp::from_micros(0))),
            ]
        };
        let rows = deliveries.iter().map(row).collect();
        self.sql_rows(include_str!("sql/webhook/save_tries.sql"), rows).run().await
    }

    /// Gives up what was queued for an endpoint at or before `queued_by` and is not being tried just now.
    pub(crate) async fn give_up_overdue(
        &mut self,
        tenant: TenantId,
        endpoint: EndpointId,
        (queued_by, now): (Timestamp, Timestamp),
        why: &str,
    ) -> Result<usize, StoreError> {
        self.sql(include_str!("sql/webhook/give_up_overdue.sql"))
            .text(tenant)
            .text(endpoint)
            .time(queued_by)
            .time(now)
            .text(why)
            .changes()
            .await
    }

    /// Gives up whatever is on its way to an endpoint.
    pub(crate) async fn give_up_all(
        &mut self,
        tenant: TenantId,
        endpoint: EndpointId,
        now: Timestamp,
        why: &str,
    ) -> Result<(), StoreError> {
        self.sql(include_str!("sql/webhook/give_up_all.sql"))
            .text(tenant)
            .text(endpoint)
            .time(now)
            .text(why)
            .run()
            .await
    }

    /// `false` if there is nothing to send anew: no such delivery, no endpoint any more, or a try under way.
    pub(crate) async fn replay_delivery(
        &mut self,
        tenant: TenantId,
        id: DeliveryId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let question = self.sql(include_str!("sql/webhook/replay.sql")).text(tenant).text(id).time(now);
        Ok(question.changes().await? == 1)
    }

    /// Sends everything anew that an endpoint got, or did not get, of what happened since then.
    pub(crate) async fn replay_since(
        &mut self,
        tenant: TenantId,
        endpoint: EndpointId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let question = self.sql(include_str!("sql/webhook/replay_since.sql")).text(tenant).text(endpoint);
        question.time(since).time(now).changes().await
    }

    /// Forgets some of what was settled before then.
    pub(crate) async fn forget_deliveries(&mut self, before: Timestamp, limit: u32) -> Result<usize, StoreError> {
        self.sql(include_str!("sql/webhook/forget.sql")).time(before).int(limit).changes().await
    }
}

fn read_endpoint(row: &Row) -> Result<Endpoint, StoreError> {
    Ok(Endpoint {
        id: row.id("id")?,
        url: row.text("url")?,
        events: row.json("events")?,
        state: row.word::<EndpointState>("state")?,
        breaker: Breaker { failures: row.count("failures")?, open_until: row.time("open_until")? },
        created_at: row.time("created_at")?,
        sequence: row.int("sequence")?,
        generation: row.int("generation")?,
        overlap_until: row.time("overlap_until")?,
    })
}

fn read_delivery(row: &Row) -> Result<Delivery, StoreError> {
    Ok(Delivery {
        id: row.id("id")?,
        endpoint: row.id("endpoint")?,
        event: row.id("event")?,
        event_name: row.text("event_name")?,
        sequence: row.int("sequence")?,
        state: row.word::<DeliveryState>("state")?,
        attempts: row.count("attempts")?,
        queued_at: row.time("queued_at")?,
        next_at: row.time("next_at")?,
        last_status: Some(row.count("last_status")?).filter(|status| *status > 0),
        last_error: row.text("last_error")?,
        settled_at: read_clock(row, "settled_at")?,
    })
}

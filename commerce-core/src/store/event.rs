//! The event log.
//!
//! Positions are given **after** the commit, by whoever reads first. A number taken inside the writing transaction would not
//! do: on PostgreSQL two writers may commit in the other order, and a reader that saw the later number would skip the
//! earlier event for ever. Placing happens under a lock of its own, so writers never wait for it.

use super::{Cell, Conn, Row, Store, StoreError, Tx};
use crate::event::{Event, EventId, Placed};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;

/// How many events one placing step moves into the log.
const PLACED_AT_ONCE: i64 = 5_000;

/// What to look for in the operation log; what is empty does not matter.
#[derive(Clone, Debug, Default)]
pub struct EventSearch {
    /// `staff:li`
    pub actor: String,
    /// `Order.Created`, or `Order` for all that begin so.
    pub name: String,
    /// The id of what changed.
    pub subject: String,
    /// The last event of the page before.
    pub after: Option<(Timestamp, EventId)>,
}

impl Store {
    /// The events after `position`, in the order of the log.
    pub async fn events_after(&self, position: i64, limit: u32) -> Result<Vec<Placed>, StoreError> {
        self.place_events().await?;
        let mut conn = self.read().await?;
        let rows = conn.sql(include_str!("sql/event/after.sql")).int(position).int(limit).rows().await?;
        rows.into_iter().map(read).collect()
    }

    /// What this consumer has not seen yet. It moves on by [`Tx::mark_consumed`], in the commit of what it made of the events.
    pub async fn next_events(&self, consumer: &str, limit: u32) -> Result<Vec<Placed>, StoreError> {
        let position = self.read().await?.consumed_up_to(consumer).await?;
        self.events_after(position, limit).await
    }

    /// Gives every event its place that was committed so far.
    pub(crate) async fn place_all_events(&self) -> Result<(), StoreError> {
        while self.place_events().await? > 0 {}
        Ok(())
    }

    async fn place_events(&self) -> Result<usize, StoreError> {
        if self.read().await?.sql(include_str!("sql/event/any_unplaced.sql")).row().await?.is_none() {
            return Ok(0);
        }
        self.write(|mut tx| async move {
            let head = tx.sql(include_str!("sql/event/lock_head.sql")).row().await?;
            let head = head.ok_or(StoreError::SchemaBehind)?.int("position")?;
            let placed = tx.sql(include_str!("sql/event/place.sql")).int(head).int(PLACED_AT_ONCE).changes().await?;
            tx.sql(include_str!("sql/event/move_head.sql")).int(i64::try_from(placed).unwrap_or(0)).run().await?;
            tx.keep(placed).await
        })
        .await
    }
}

impl Conn {
    pub async fn consumed_up_to(&mut self, consumer: &str) -> Result<i64, StoreError> {
        self.sql(include_str!("sql/event/consumer.sql"))
            .text(consumer)
            .row()
            .await?
            .map_or(Ok(0), |row| row.int("position"))
    }

    /// The events of one shop after `position`, in the order of the log. Positions are given by [`Store::events_after`].
    pub(crate) async fn tenant_events_after(
        &mut self,
        tenant: TenantId,
        position: i64,
        limit: u32,
    ) -> Result<Vec<Placed>, StoreError> {
        let rows = self
            .sql(include_str!("sql/event/of_tenant_after.sql"))
            .text(tenant)
            .int(position)
            .int(limit)
            .rows()
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// What was done in one shop, newest first.
    pub(crate) async fn search_events(
        &mut self,
        tenant: TenantId,
        search: &EventSearch,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let never = (Timestamp::from_micros(i64::MAX), String::new());
        let (before, id) = search.after.map_or(never, |(at, id)| (at, id.to_string()));
        let rows = self
            .sql(include_str!("sql/event/of_tenant.sql"))
            .text(tenant)
            .text(&search.actor)
            .text(&search.name)
            .text(&search.subject)
            .time(before)
            .text(id)
            .int(limit)
            .rows()
            .await?;
        rows.into_iter().map(|row| read(row).map(|placed| placed.event)).collect()
    }

    pub(crate) async fn events(&mut self, tenant: TenantId, ids: &[EventId]) -> Result<Vec<Event>, StoreError> {
        let ids: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        let rows = self.sql(include_str!("sql/event/by_ids.sql")).text(tenant).json(&ids).rows().await?;
        rows.into_iter().map(|row| read(row).map(|placed| placed.event)).collect()
    }

    /// The whole history of one thing, oldest first.
    pub async fn history(&mut self, tenant: TenantId, subject: impl ToString) -> Result<Vec<Event>, StoreError> {
        let rows = self.sql(include_str!("sql/event/of_subject.sql")).text(tenant).text(subject).rows().await?;
        rows.into_iter().map(|row| read(row).map(|placed| placed.event)).collect()
    }
}

impl Tx {
    pub(crate) async fn record(&mut self, tenant: TenantId, events: &[Event]) -> Result<(), StoreError> {
        if events.is_empty() {
            return Ok(());
        }
        let row = |e: &Event| {
            vec![
                Cell::text(e.id),
                Cell::text(tenant),
                Cell::text(&e.name),
                Cell::int(e.version),
                Cell::text(&e.subject),
                Cell::int(e.subject_version),
                Cell::text(&e.correlation_id),
                Cell::text(&e.actor),
                Cell::text(&e.payload),
                Cell::time(e.at),
            ]
        };
        self.sql_rows(include_str!("sql/event/insert.sql"), events.iter().map(row).collect()).run().await
    }

    /// Moves the consumer past `events`. If another worker of the same name was faster, this write is undone.
    pub async fn mark_consumed(&mut self, consumer: &str, events: &[Placed]) -> Result<(), StoreError> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
        self.sql(include_str!("sql/event/register_consumer.sql")).text(consumer).run().await?;
        let before = self.consumed_up_to(consumer).await?;
        // Somebody else has taken these already; a second try would read what comes after them.
        if before >= first.position {
            return Err(StoreError::Contended);
        }
        let moved = self
            .sql(include_str!("sql/event/advance.sql"))
            .text(consumer)
            .int(before)
            .int(last.position)
            .changes()
            .await?;
        if moved == 1 { Ok(()) } else { Err(StoreError::Contended) }
    }
}

fn read(row: Row) -> Result<Placed, StoreError> {
    Ok(Placed {
        position: row.int("position")?,
        tenant: row.id("tenant")?,
        event: Event {
            id: row.id("id")?,
            name: row.text("name")?,
            version: row.count("version")?,
            subject: row.text("subject")?,
            subject_version: row.int("subject_version")?,
            correlation_id: row.text("correlation_id")?,
            actor: row.text("actor")?,
            payload: row.json("payload")?,
            at: row.time("at")?,
        },
    })
}

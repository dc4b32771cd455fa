//! What happened, for everybody who was not there: written in the same commit as the change it tells of.

use crate::caller::Caller;
use crate::id::{Entity, Id};
use crate::time::Timestamp;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: EventId,
    /// `Order.Created`
    pub name: String,
    /// The version of the payload's schema.
    pub version: u32,
    /// The id of what changed, and its version after the change.
    pub subject: String,
    pub subject_version: i64,
    pub correlation_id: String,
    /// Who did it: `staff:li`, `shopper:cus_…`, `system`; empty in what was written before anybody noted it.
    pub actor: String,
    pub payload: Value,
    pub at: Timestamp,
}

pub type EventId = Id<Event>;

impl Entity for Event {
    const PREFIX: &'static str = "evt";
}

/// An event that has its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Placed {
    pub position: i64,
    pub tenant: crate::tenant::TenantId,
    pub event: Event,
}

impl Event {
    pub fn new(
        id: EventId,
        name: &str,
        subject: impl ToString,
        caller: &Caller,
        at: Timestamp,
        payload: Value,
    ) -> Self {
        let (correlation_id, actor) = (caller.correlation_id.clone(), caller.named_actor());
        Self {
            id,
            name: name.to_owned(),
            version: 1,
            subject: subject.to_string(),
            subject_version: 0,
            correlation_id,
            actor,
            payload,
            at,
        }
    }

    /// The version of the subject after the change.
    pub fn of_version(self, subject_version: i64) -> Self {
        Self { subject_version, ..self }
    }
}

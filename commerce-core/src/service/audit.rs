//! Who did what, for the shop's own people; and the event log, for programs that follow it.

use super::Shop;
use crate::caller::{Caller, NotAllowed};
use crate::error::{Code, Failure, Kind};
use crate::event::{Event, Placed};
use crate::permission::Permission;
use crate::store::{EventSearch, StoreError};

const MOST_EVENTS: u32 = 1_000;

impl Shop {
    /// The operation log, newest first: every change is an event, and every event names who made it.
    pub async fn audit(&self, caller: &Caller, search: &EventSearch, limit: u32) -> Result<Vec<Event>, AuditError> {
        caller.may(Permission::ReadAudit)?;
        Ok(self.desk.store.read().await?.search_events(caller.tenant, search, limit.min(MOST_EVENTS)).await?)
    }

    /// What happened after `position`, in the order of the log: who remembers the last position misses nothing.
    pub async fn events(&self, caller: &Caller, position: i64, limit: u32) -> Result<Vec<Placed>, AuditError> {
        caller.may(Permission::ReadAudit)?;
        let store = &self.desk.store;
        store.place_all_events().await?;
        Ok(store.read().await?.tenant_events_after(caller.tenant, position, limit.min(MOST_EVENTS)).await?)
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum AuditError {
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for AuditError {
    fn kind(&self) -> Kind {
        match self {
            Self::NotAllowed(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::NotAllowed(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::NotAllowed(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

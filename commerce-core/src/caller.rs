//! On whose behalf something is done. Every use case takes a [`Caller`]; every query carries its tenant,
//! and a shopper's queries carry the shopper.

use crate::customer::CustomerId;
use crate::error::{Code, Failure, Kind};
use crate::tenant::TenantId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub tenant: TenantId,
    pub actor: Actor,
    /// Which of the shop's people; empty where nobody said who they are.
    pub who: String,
    /// Ties together what one request set off, across events and logs.
    pub correlation_id: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    Shopper(CustomerId),
    Staff,
    System,
}

/// [`Actor`] without the person: what the tables of rules speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    Shopper,
    Staff,
    System,
}

impl Caller {
    pub fn shopper(tenant: TenantId, customer: CustomerId) -> Self {
        Self::of(tenant, Actor::Shopper(customer))
    }

    pub fn staff(tenant: TenantId) -> Self {
        Self::of(tenant, Actor::Staff)
    }

    pub fn system(tenant: TenantId) -> Self {
        Self::of(tenant, Actor::System)
    }

    fn of(tenant: TenantId, actor: Actor) -> Self {
        Self { tenant, actor, who: String::new(), correlation_id: String::new() }
    }

    /// The one of the shop's people who acts.
    #[must_use]
    pub fn named(self, who: &str) -> Self {
        Self { who: who.to_owned(), ..self }
    }

    pub fn role(&self) -> Role {
        match self.actor {
            Actor::Shopper(_) => Role::Shopper,
            Actor::Staff => Role::Staff,
            Actor::System => Role::System,
        }
    }

    /// For what a shop does for itself: no shopper may.
    pub fn acts_for_the_shop(&self) -> Result<(), NotAllowed> {
        match self.actor {
            Actor::Shopper(_) => Err(NotAllowed),
            Actor::Staff | Actor::System => Ok(()),
        }
    }

    /// The customer whose rows are the only ones this caller may see, if it is a shopper.
    pub fn owner(&self) -> Option<CustomerId> {
        match self.actor {
            Actor::Shopper(customer) => Some(customer),
            Actor::Staff | Actor::System => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("only the shop's own people may do this; sign in as staff")]
pub struct NotAllowed;

impl Failure for NotAllowed {
    fn kind(&self) -> Kind {
        Kind::Forbidden
    }

    fn code(&self) -> Code {
        Code::NotAllowed
    }

    fn zh(&self) -> String {
        "只有店铺人员可以执行此操作，请以店员身份登录".to_owned()
    }
}

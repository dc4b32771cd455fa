//! On whose behalf something is done. Every use case takes a [`Caller`]; every query carries its tenant,
//! and a shopper's queries carry the shopper.

use crate::customer::CustomerId;
use crate::error::{Code, Failure, Kind};
use crate::permission::{Grants, Permission};
use crate::tenant::TenantId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub tenant: TenantId,
    pub actor: Actor,
    /// What one of the shop's people may do; a shopper may do what shoppers do, with what is theirs.
    pub grants: Grants,
    /// Which of the shop's people; empty where nobody said who they are.
    pub who: String,
    /// Ties together what one request set off, across events and logs.
    pub correlation_id: String,
    /// The request this is part of, where its sender may send it again.
    pub once: Option<Once>,
}

/// A key that a client made for one request, and a hash of all that was asked. However often it arrives, what it asks for is done once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    pub key: String,
    pub request_hash: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Somebody who has not said who they are: looks at what is for sale, nothing else.
    Visitor,
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
    pub fn visitor(tenant: TenantId) -> Self {
        Self::of(tenant, Actor::Visitor, Grants::NONE)
    }

    pub fn shopper(tenant: TenantId, customer: CustomerId) -> Self {
        Self::of(tenant, Actor::Shopper(customer), Grants::NONE)
    }

    /// Whoever holds the database itself: may do everything.
    pub fn staff(tenant: TenantId) -> Self {
        Self::of(tenant, Actor::Staff, Grants::ALL)
    }

    pub fn system(tenant: TenantId) -> Self {
        Self::of(tenant, Actor::System, Grants::ALL)
    }

    fn of(tenant: TenantId, actor: Actor, grants: Grants) -> Self {
        Self { tenant, actor, grants, who: String::new(), correlation_id: String::new(), once: None }
    }

    /// One of the shop's people with no more than these permissions.
    #[must_use]
    pub fn granted(self, grants: Grants) -> Self {
        Self { grants: self.grants.and(grants), ..self }
    }

    /// The one of the shop's people who acts.
    #[must_use]
    pub fn named(self, who: &str) -> Self {
        Self { who: who.to_owned(), ..self }
    }

    pub fn role(&self) -> Role {
        match self.actor {
            Actor::Visitor | Actor::Shopper(_) => Role::Shopper,
            Actor::Staff => Role::Staff,
            Actor::System => Role::System,
        }
    }

    /// For what a shop does for itself: no shopper may, and of its people those with this permission.
    pub fn may(&self, permission: Permission) -> Result<(), NotAllowed> {
        if self.grants.contains(permission) { Ok(()) } else { Err(NotAllowed { needs: permission }) }
    }

    /// For what shoppers do with what is theirs, and the shop's people with this permission do for them.
    pub fn may_as_owner_or(&self, permission: Permission) -> Result<(), NotAllowed> {
        match self.actor {
            Actor::Shopper(_) => Ok(()),
            Actor::Visitor | Actor::Staff | Actor::System => self.may(permission),
        }
    }

    /// Who acts, as the event log has it.
    pub fn named_actor(&self) -> String {
        match self.actor {
            Actor::Visitor => "visitor".to_owned(),
            Actor::Shopper(customer) => format!("shopper:{customer}"),
            Actor::Staff => format!("staff:{}", self.who),
            Actor::System => "system".to_owned(),
        }
    }

    /// The customer whose rows are the only ones this caller may see, if it is a shopper.
    pub fn owner(&self) -> Option<CustomerId> {
        match self.actor {
            Actor::Shopper(customer) => Some(customer),
            Actor::Visitor | Actor::Staff | Actor::System => None,
        }
    }

    /// Whether names, phones and addresses are shown as they are: shoppers see only their own.
    pub fn sees_personal_data(&self) -> bool {
        matches!(self.actor, Actor::Shopper(_)) || self.grants.contains(Permission::ReadPersonalData)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this needs the permission `{needs}`; sign in as somebody of the shop who has it")]
pub struct NotAllowed {
    pub needs: Permission,
}

impl Failure for NotAllowed {
    fn kind(&self) -> Kind {
        Kind::Forbidden
    }

    fn code(&self) -> Code {
        Code::NotAllowed
    }

    fn zh(&self) -> String {
        format!("此操作需要权限 `{}`，请以拥有该权限的店铺人员身份登录", self.needs)
    }
}

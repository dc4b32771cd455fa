//! Customers and their address books.

use super::Shop;
use crate::caller::{Caller, NotAllowed};
use crate::customer::{Address, AddressId, Customer, CustomerId};
use crate::error::{Code, Failure, Kind};
use crate::event::{Event, EventName};
use crate::permission::Permission;
use crate::store::{Settled, StoreError};
use serde_json::json;

impl Shop {
    pub async fn save_customers(&self, caller: &Caller, customers: &[Customer]) -> Result<(), CustomerError> {
        caller.may(Permission::WriteCustomers)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                tx.upsert_customers(caller.tenant, customers).await?;
                // The event names nobody: personal data stays in the one table that can forget it.
                let changed = |c: &Customer| {
                    Event::new(
                        desk.id(now),
                        EventName::CustomerChanged,
                        c.id,
                        caller,
                        now,
                        json!({ "level": c.level.to_string() }),
                    )
                };
                let events: Vec<Event> = customers.iter().map(changed).collect();
                tx.record(caller.tenant, &events).await?;
                Ok::<Settled<()>, CustomerError>(tx.keep(()).await?)
            })
            .await
    }

    /// Adds or changes an address; the customer's first one, or one marked so, becomes the default.
    pub async fn save_address(&self, caller: &Caller, address: &Address) -> Result<(), CustomerError> {
        reaches(caller, address.customer, Permission::WriteCustomers)?;
        let is_complete = [
            &address.destination.recipient,
            &address.destination.phone,
            &address.destination.province,
            &address.destination.street,
        ];
        if is_complete.iter().any(|part| part.trim().is_empty()) {
            return Err(CustomerError::IncompleteAddress);
        }
        let to = &address.destination;
        let texts = [&to.recipient, &to.phone, &to.province, &to.city, &to.district, &to.street];
        if texts.iter().any(|text| text.chars().count() > 200 || text.chars().any(char::is_control)) {
            return Err(CustomerError::UnusableText);
        }
        self.desk
            .store
            .write(move |mut tx| async move {
                let tenant = caller.tenant;
                tx.customer(tenant, address.customer).await?.ok_or(CustomerError::UnknownCustomer)?;
                let book = tx.addresses(tenant, Some(address.customer)).await?;
                if tx.upsert_addresses(tenant, std::slice::from_ref(address)).await? == 0 {
                    return Err(CustomerError::UnknownAddress);
                }
                if address.is_default || book.is_empty() {
                    tx.make_default(tenant, address.customer, address.id).await?;
                }
                Ok(tx.keep(()).await?)
            })
            .await
    }

    pub async fn delete_address(
        &self,
        caller: &Caller,
        customer: CustomerId,
        address: AddressId,
    ) -> Result<(), CustomerError> {
        reaches(caller, customer, Permission::WriteCustomers)?;
        self.desk
            .store
            .write(move |mut tx| async move {
                if !tx.delete_address(caller.tenant, customer, address).await? {
                    return Err(CustomerError::UnknownAddress);
                }
                Ok(tx.keep(()).await?)
            })
            .await
    }

    pub async fn addresses(&self, caller: &Caller, customer: CustomerId) -> Result<Vec<Address>, CustomerError> {
        reaches(caller, customer, Permission::ReadCustomers)?;
        Ok(self.desk.store.read().await?.addresses(caller.tenant, Some(customer)).await?)
    }
}

/// Shoppers reach what is theirs, the shop's people with this permission everybody's.
pub(super) fn reaches(caller: &Caller, customer: CustomerId, permission: Permission) -> Result<(), CustomerError> {
    caller.may_as_owner_or(permission)?;
    match caller.owner() {
        // Whether somebody else exists is not said either.
        Some(owner) if owner != customer => Err(CustomerError::UnknownCustomer),
        _ => Ok(()),
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum CustomerError {
    #[error("there is no such customer")]
    UnknownCustomer,
    #[error("there is no such address")]
    UnknownAddress,
    #[error("recipient, phone, province and street are needed; fill them in")]
    IncompleteAddress,
    #[error("an address has at most 200 characters a field and no control characters; shorten it")]
    UnusableText,
    #[error("there is no such SKU")]
    UnknownSku,
    #[error("a quantity is a whole number from 1 to 9999")]
    InvalidQuantity,
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for CustomerError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownCustomer | Self::UnknownAddress | Self::UnknownSku => Kind::NotFound,
            Self::IncompleteAddress | Self::UnusableText | Self::InvalidQuantity => Kind::Invalid,
            Self::NotAllowed(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::UnknownCustomer => Code::UnknownCustomer,
            Self::UnknownAddress | Self::IncompleteAddress => Code::UnknownAddress,
            Self::UnknownSku => Code::UnknownSku,
            Self::UnusableText | Self::InvalidQuantity => Code::InvalidRequest,
            Self::NotAllowed(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::UnknownCustomer => "没有这个顾客".to_owned(),
            Self::UnknownAddress => "没有这个收货地址".to_owned(),
            Self::IncompleteAddress => "请填写收件人、电话、省份和街道".to_owned(),
            Self::UnusableText => "地址每项最多 200 个字符，且不能含有控制字符".to_owned(),
            Self::UnknownSku => "没有这个商品".to_owned(),
            Self::InvalidQuantity => "数量必须是 1 到 9999 之间的整数".to_owned(),
            Self::NotAllowed(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

//! Customers and their address books.

use super::Shop;
use crate::caller::{Caller, NotAllowed};
use crate::customer::{Address, AddressId, Customer, CustomerId, Destination};
use crate::error::{Code, Failure, Kind};
use crate::event::{Event, EventName};
use crate::permission::Permission;
use crate::store::{Likeness, Settled, StoreError};
use serde_json::json;

/// An address that is to be added.
#[derive(Clone, Debug)]
pub struct NewAddress {
    pub customer: CustomerId,
    pub destination: Destination,
    pub is_default: bool,
}

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

    /// Changes a customer's name or e-mail; what is left out stays.
    pub async fn rename_customer(
        &self,
        caller: &Caller,
        id: CustomerId,
        name: Option<String>,
        email: Option<String>,
    ) -> Result<Customer, CustomerError> {
        reaches(caller, id, Permission::WriteCustomers)?;
        let is_text = |text: &String, most| text.chars().count() <= most && !text.chars().any(char::is_control);
        let is_name = name.as_ref().is_none_or(|name| is_text(name, 60));
        let is_email =
            email.as_ref().is_none_or(|email| email.is_empty() || is_text(email, 120) && email.contains('@'));
        if !is_name || !is_email {
            return Err(CustomerError::UnusableName);
        }
        let (desk, name, email) = (&*self.desk, &name, &email);
        desk.store
            .write(move |mut tx| async move {
                let mut customer = tx.customer(caller.tenant, id).await?.ok_or(CustomerError::UnknownCustomer)?;
                customer.name = name.clone().unwrap_or(customer.name);
                customer.email = email.clone().unwrap_or(customer.email);
                tx.upsert_customers(caller.tenant, std::slice::from_ref(&customer)).await?;
                let (now, told) = (desk.now(), json!({ "level": customer.level.to_string() }));
                let event = Event::new(desk.id(now), EventName::CustomerChanged, id, caller, now, told);
                tx.record(caller.tenant, &[event]).await?;
                Ok(tx.keep(customer.seen_by(caller)).await?)
            })
            .await
    }

    /// Adds an address to a customer's book.
    pub async fn add_address(&self, caller: &Caller, new: NewAddress) -> Result<Address, CustomerError> {
        let NewAddress { customer, destination, is_default } = new;
        let address = Address { id: self.mint_id(self.now()), customer, destination, is_default };
        self.save_address(caller, &address).await?;
        Ok(address.seen_by(caller))
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
                if book.len() >= MOST_ADDRESSES && !book.iter().any(|known| known.id == address.id) {
                    return Err(CustomerError::FullBook);
                }
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

    /// A customer; shoppers find themselves.
    pub async fn customer(&self, caller: &Caller, id: CustomerId) -> Result<Customer, CustomerError> {
        reaches(caller, id, Permission::ReadCustomers)?;
        let found = self.desk.store.read().await?.customer(caller.tenant, id).await?;
        found.map(|customer| customer.seen_by(caller)).ok_or(CustomerError::UnknownCustomer)
    }

    /// By phone, code, part of the name or the last digits of the phone; at most fifty.
    pub async fn find_customers(&self, caller: &Caller, words: &str) -> Result<Vec<Customer>, CustomerError> {
        caller.may(Permission::ReadCustomers)?;
        let mut conn = self.desk.store.read().await?;
        // Whoever is shown masks must not find out what is behind them by asking letter for letter.
        let how = if caller.sees_personal_data() { Likeness::Parts } else { Likeness::Whole };
        let found = conn.find_customers(caller.tenant, words, how).await?;
        Ok(found.into_iter().map(|customer| customer.seen_by(caller)).collect())
    }

    pub async fn addresses(&self, caller: &Caller, customer: CustomerId) -> Result<Vec<Address>, CustomerError> {
        reaches(caller, customer, Permission::ReadCustomers)?;
        let book = self.desk.store.read().await?.addresses(caller.tenant, Some(customer)).await?;
        Ok(book.into_iter().map(|address| address.seen_by(caller)).collect())
    }
}

const MOST_ADDRESSES: usize = 50;

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
    #[error("orders are still under way, and parcels need their address; finish or cancel them first")]
    OrdersUnderWay,
    #[error("a name has at most 60 characters, an e-mail 120 and an @, neither has control characters")]
    UnusableName,
    #[error("an address book has at most 50 addresses and a cart 200 lines; delete some first")]
    FullBook,
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
            Self::IncompleteAddress | Self::UnusableText | Self::UnusableName | Self::InvalidQuantity => Kind::Invalid,
            Self::OrdersUnderWay | Self::FullBook => Kind::Conflict,
            Self::NotAllowed(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::UnknownCustomer => Code::UnknownCustomer,
            Self::UnknownAddress | Self::IncompleteAddress => Code::UnknownAddress,
            Self::UnknownSku => Code::UnknownSku,
            Self::UnusableText | Self::UnusableName | Self::InvalidQuantity => Code::InvalidRequest,
            Self::OrdersUnderWay => Code::OrdersUnderWay,
            Self::FullBook => Code::InvalidRequest,
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
            Self::OrdersUnderWay => "仍有未完成的订单，配送需要地址，请先完成或取消这些订单".to_owned(),
            Self::FullBook => "地址簿最多 50 个地址，购物车最多 200 行，请先删除一些".to_owned(),
            Self::UnusableName => "姓名最多 60 个字符，邮箱最多 120 个字符且包含 @，均不能含有控制字符".to_owned(),
            Self::InvalidQuantity => "数量必须是 1 到 9999 之间的整数".to_owned(),
            Self::NotAllowed(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

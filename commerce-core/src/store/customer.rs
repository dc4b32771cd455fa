use super::{Conn, Row, StoreError, Tx};
use crate::cart::CartLine;
use crate::catalog::SkuId;
use crate::customer::{Address, AddressId, Customer, CustomerId, Destination};
use crate::pricing::ActivityId;
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;
use std::collections::BTreeSet;

/// How much of a name or phone has to be known to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    Whole,
    Parts,
}

impl Conn {
    pub async fn customer(&mut self, tenant: TenantId, id: CustomerId) -> Result<Option<Customer>, StoreError> {
        self.sql(include_str!("sql/customer/find.sql")).text(tenant).text(id).row().await?.map(read).transpose()
    }

    /// Whether the shop has all of these customers.
    pub(crate) async fn are_customers(
        &mut self,
        tenant: TenantId,
        ids: &BTreeSet<CustomerId>,
    ) -> Result<bool, StoreError> {
        let wanted: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        let row = self.sql(include_str!("sql/customer/known.sql")).text(tenant).json(&wanted).row().await?;
        let known = row.map(|row| row.int("known")).transpose()?;
        Ok(known == i64::try_from(ids.len()).ok())
    }

    pub async fn customers(&mut self, tenant: TenantId) -> Result<Vec<Customer>, StoreError> {
        self.sql(include_str!("sql/customer/all.sql")).text(tenant).rows().await?.into_iter().map(read).collect()
    }

    /// By phone, code, name or the last four digits of the phone; by parts of them if that is wanted. At most fifty.
    pub async fn find_customers(
        &mut self,
        tenant: TenantId,
        words: &str,
        how: Likeness,
    ) -> Result<Vec<Customer>, StoreError> {
        let pattern = escape_like(words);
        let are_four_digits = words.len() == 4 && words.bytes().all(|b| b.is_ascii_digit());
        let (name, phone) = match how {
            Likeness::Parts => (format!("%{pattern}%"), format!("%{pattern}")),
            Likeness::Whole if are_four_digits => (pattern.clone(), format!("%{pattern}")),
            Likeness::Whole => (pattern.clone(), pattern),
        };
        let rows = self
            .sql(include_str!("sql/customer/search.sql"))
            .text(tenant)
            .text(words)
            .text(name)
            .text(phone)
            .rows()
            .await?;
        rows.into_iter().map(read).collect()
    }

    /// The address book of one customer, or of all.
    pub async fn addresses(&mut self, tenant: TenantId, of: Option<CustomerId>) -> Result<Vec<Address>, StoreError> {
        let owner = of.map_or_else(String::new, |customer| customer.to_string());
        let rows = self.sql(include_str!("sql/customer/addresses.sql")).text(tenant).text(owner).rows().await?;
        rows.into_iter().map(read_address).collect()
    }

    pub(crate) async fn cart_lines(
        &mut self,
        tenant: TenantId,
        customer: CustomerId,
    ) -> Result<Vec<CartLine>, StoreError> {
        let rows = self.sql(include_str!("sql/cart/lines.sql")).text(tenant).text(customer).rows().await?;
        let read = |row: Row| {
            Ok(CartLine { sku: row.id("sku")?, activity: row.maybe_id("activity")?, qty: row.count("qty")? })
        };
        rows.into_iter().map(read).collect()
    }
}

impl Tx {
    pub(crate) async fn upsert_customers(
        &mut self,
        tenant: TenantId,
        customers: &[Customer],
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = customers
            .iter()
            .map(|c| {
                json!({
                    "id": c.id, "code": c.code, "name": c.name, "phone": c.phone, "email": c.email, "level": c.level.to_string(),
                    "tags": json!(c.tags).to_string(), "created_at": c.created_at.micros(),
                })
            })
            .collect();
        self.sql(include_str!("sql/customer/upsert.sql")).text(tenant).json(&rows).run().await
    }

    /// Returns how many were written: an id that belongs to another customer is left alone.
    pub(crate) async fn upsert_addresses(
        &mut self,
        tenant: TenantId,
        addresses: &[Address],
    ) -> Result<usize, StoreError> {
        let rows: Vec<_> = addresses
            .iter()
            .map(|a| {
                let to = &a.destination;
                json!({
                    "id": a.id, "customer": a.customer, "name": to.recipient, "phone": to.phone, "province": to.province,
                    "city": to.city, "district": to.district, "street": to.street, "is_default": i64::from(a.is_default),
                })
            })
            .collect();
        self.sql(include_str!("sql/customer/upsert_addresses.sql")).text(tenant).json(&rows).changes().await
    }

    /// Forgets who somebody is: the customer's own row stays, empty, because orders and books refer to it.
    pub(crate) async fn erase_customer(&mut self, tenant: TenantId, customer: CustomerId) -> Result<(), StoreError> {
        for text in [
            include_str!("sql/customer/erase.sql"),
            include_str!("sql/customer/erase_addresses.sql"),
            include_str!("sql/customer/erase_identities.sql"),
            include_str!("sql/customer/erase_sessions.sql"),
            include_str!("sql/cart/erase.sql"),
        ] {
            self.sql(text).text(tenant).text(customer).run().await?;
        }
        Ok(())
    }

    /// Makes one address the default and the customer's others not.
    pub(crate) async fn make_default(
        &mut self,
        tenant: TenantId,
        customer: CustomerId,
        address: AddressId,
    ) -> Result<(), StoreError> {
        self.sql(include_str!("sql/customer/only_default.sql")).text(tenant).text(customer).text(address).run().await
    }

    pub(crate) async fn delete_address(
        &mut self,
        tenant: TenantId,
        customer: CustomerId,
        address: AddressId,
    ) -> Result<bool, StoreError> {
        Ok(self
            .sql(include_str!("sql/customer/delete_address.sql"))
            .text(tenant)
            .text(customer)
            .text(address)
            .changes()
            .await?
            == 1)
    }

    /// False where the tenant has no such SKU.
    pub(crate) async fn put_in_cart(
        &mut self,
        tenant: TenantId,
        customer: CustomerId,
        line: &CartLine,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let put = self
            .sql(include_str!("sql/cart/put.sql"))
            .text(tenant)
            .text(customer)
            .text(line.sku)
            .text(line.activity.map_or_else(String::new, |activity| activity.to_string()))
            .int(line.qty)
            .time(now)
            .changes()
            .await?;
        Ok(put == 1)
    }

    pub(crate) async fn remove_from_carts(
        &mut self,
        tenant: TenantId,
        lines: &[(CustomerId, SkuId, Option<ActivityId>)],
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = lines
            .iter()
            .map(|(customer, sku, activity)| json!({ "customer": customer, "sku": sku, "activity": activity.map_or_else(String::new, |a| a.to_string()) }))
            .collect();
        self.sql(include_str!("sql/cart/remove.sql")).text(tenant).json(&rows).run().await
    }
}

/// Makes `%`, `_` and `\` stand for themselves in a `like`.
pub(super) fn escape_like(words: &str) -> String {
    words.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

pub(super) fn read(row: Row) -> Result<Customer, StoreError> {
    Ok(Customer {
        id: row.id("id")?,
        code: row.text("code")?,
        name: row.text("name")?,
        phone: row.text("phone")?,
        email: row.text("email")?,
        level: row.word("level")?,
        tags: row.json("tags")?,
        created_at: row.time("created_at")?,
    })
}

fn read_address(row: Row) -> Result<Address, StoreError> {
    Ok(Address {
        id: row.id("id")?,
        customer: row.id("customer")?,
        destination: read_destination(&row, "name")?,
        is_default: row.is("is_default")?,
    })
}

pub(super) fn read_destination(row: &Row, recipient: &str) -> Result<Destination, StoreError> {
    Ok(Destination {
        recipient: row.text(recipient)?,
        phone: row.text("phone")?,
        province: row.text("province")?,
        city: row.text("city")?,
        district: row.text("district")?,
        street: row.text("street")?,
    })
}

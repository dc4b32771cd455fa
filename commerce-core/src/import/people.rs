//! Customers and their addresses: one row for each address, or one for a customer without any.

use super::cells::Reader;
use super::table::{Cells, Table};
use super::{Import, ImportError, Outcome, Privacy, RowFault};
use crate::catalog::id_of_code;
use crate::customer::{
    Address, AddressId, Customer, CustomerId, Destination, Level, mask_destination, mask_name, mask_phone,
};
use crate::event::{Event, EventName};
use crate::id::Id;
use crate::store::{Conn, StoreError};
use crate::tenant::{Tenant, TenantId};
use crate::time::Timestamp;
use serde_json::json;
use std::collections::{BTreeMap, HashMap};

pub(super) async fn import_customers(import: &mut Import<'_>, table: &Table) -> Result<Outcome, ImportError> {
    let (tenant, now) = (import.tenant.id, import.shop.now());
    let known: HashMap<(CustomerId, Destination), AddressId> = import
        .tx
        .addresses(tenant, None)
        .await?
        .into_iter()
        .map(|address| ((address.customer, address.destination), address.id))
        .collect();
    let mut customers: BTreeMap<String, (u64, Customer)> = BTreeMap::new();
    let mut addresses: Vec<(u64, Address)> = Vec::new();
    let mut read: Vec<u64> = Vec::new();
    for row in &table.rows {
        let mut cell = Reader::new(row, import.faults);
        let customer = read_customer(&mut cell, tenant, now);
        let address = read_destination(&mut cell);
        let is_default = cell.number("is_default", 0_u8);
        let (Some(customer), Some(destination), Some(is_default)) = (customer, address, is_default) else { continue };
        read.push(row.line);
        if destination != Destination::default() {
            let id = match known.get(&(customer.id, destination.clone())) {
                Some(id) => *id,
                None => Id::derived(&customer.id.to_string(), &format!("{destination:?}")),
            };
            addresses.push((row.line, Address { id, customer: customer.id, destination, is_default: is_default != 0 }));
        }
        let (line, first) = customers.entry(customer.code.clone()).or_insert((row.line, customer.clone()));
        if *first != customer {
            let line = *line;
            import.faults.add(row.line, "customer_code", RowFault::Differs { code: customer.code.clone(), line });
        }
    }
    if !import.is_to_write() {
        return Ok(Outcome::default());
    }
    let customers: Vec<Customer> =
        customers.into_values().filter(|(line, _)| !import.faults.has(*line)).map(|(_, customer)| customer).collect();
    let addresses: Vec<Address> = addresses
        .into_iter()
        .filter(|(line, address)| {
            !import.faults.has(*line) && customers.iter().any(|customer| customer.id == address.customer)
        })
        .map(|(_, address)| address)
        .collect();
    if customers.is_empty() {
        return Ok(Outcome::default());
    }
    import.tx.upsert_customers(tenant, &customers).await?;
    import.tx.upsert_addresses(tenant, &addresses).await?;
    let changed = |c: &Customer| {
        Event::new(
            import.shop.mint_id(now),
            EventName::CustomerChanged,
            c.id,
            import.caller,
            now,
            json!({ "level": c.level.to_string() }),
        )
    };
    let events: Vec<Event> = customers.iter().map(changed).collect();
    import.tx.record(tenant, &events).await?;
    Ok(Outcome { written: read.iter().filter(|line| !import.faults.has(**line)).count(), unchanged: 0 })
}

fn read_customer(cell: &mut Reader<'_>, tenant: TenantId, now: Timestamp) -> Option<Customer> {
    let (code, name, phone, email) =
        (cell.code("customer_code"), cell.needed("name", 100), read_phone(cell, "phone"), cell.text("email", 200));
    let level = cell.word("level", Some(Level::Regular), "regular, silver, gold, diamond");
    let (tags, created_at) = (cell.text("tags", 1_000), cell.time("created_at", Some(now)));
    let code = code?;
    Some(Customer {
        id: id_of_code(tenant, &code),
        code,
        name: name?,
        phone: phone?,
        email: email?,
        level: level?,
        tags: tags?.split(';').filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
        created_at: created_at?,
    })
}

/// Where a row's address is; empty where the row has none.
fn read_destination(cell: &mut Reader<'_>) -> Option<Destination> {
    let (recipient, phone, province) =
        (cell.text("recipient", 100), read_phone(cell, "recipient_phone"), cell.text("province", 50));
    let (city, district, street) = (cell.text("city", 50), cell.text("district", 50), cell.text("street", 200));
    let destination = Destination {
        recipient: recipient?,
        phone: phone?,
        province: province?,
        city: city?,
        district: district?,
        street: street?,
    };
    if destination != Destination::default() {
        let needed = [
            ("recipient", &destination.recipient),
            ("province", &destination.province),
            ("street", &destination.street),
        ];
        for (field, _) in needed.into_iter().filter(|(_, value)| value.is_empty()) {
            cell.bad(field, RowFault::Empty);
        }
    }
    Some(destination)
}

fn read_phone(cell: &mut Reader<'_>, field: &str) -> Option<String> {
    let phone = cell.text(field, 32)?;
    if phone.contains('*') {
        cell.bad(field, RowFault::Masked);
        return None;
    }
    if !phone.chars().all(|c| c.is_ascii_digit() || "+- ()".contains(c)) {
        cell.bad(field, RowFault::NotAPhone);
        return None;
    }
    Some(phone)
}

pub(super) async fn export_customers(
    conn: &mut Conn,
    tenant: &Tenant,
    privacy: Privacy,
) -> Result<Vec<Cells>, StoreError> {
    let mut addresses: BTreeMap<_, Vec<Address>> = BTreeMap::new();
    for address in conn.addresses(tenant.id, None).await? {
        addresses.entry(address.customer).or_default().push(address);
    }
    let mut rows = Vec::new();
    for customer in conn.customers(tenant.id).await? {
        let of_customer = addresses.remove(&customer.id).unwrap_or_default();
        let customer_cells = customer_cells(customer, privacy);
        let address_cells: Vec<Cells> =
            of_customer.into_iter().map(|address| address_cells(address, privacy)).collect();
        let nothing = vec![Cells::from(["", "", "", "", "", "", "0"].map(str::to_owned))];
        let of_customer = if address_cells.is_empty() { nothing } else { address_cells };
        rows.extend(of_customer.into_iter().map(|cells| [customer_cells.clone(), cells].concat()));
    }
    Ok(rows)
}

fn customer_cells(c: Customer, privacy: Privacy) -> Cells {
    let (name, phone, email) = match privacy {
        Privacy::Full => (c.name, c.phone, c.email),
        Privacy::Masked => (mask_name(&c.name), mask_phone(&c.phone), String::new()),
    };
    vec![c.code, name, phone, email, c.level.to_string(), c.tags.join(";"), c.created_at.to_string()]
}

fn address_cells(address: Address, privacy: Privacy) -> Cells {
    let to = match privacy {
        Privacy::Full => address.destination,
        Privacy::Masked => mask_destination(&address.destination),
    };
    let is_default = u8::from(address.is_default).to_string();
    vec![to.recipient, to.phone, to.province, to.city, to.district, to.street, is_default]
}

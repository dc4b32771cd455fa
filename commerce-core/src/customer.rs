//! Who buys, where it goes, and how personal data looks to those who need not know it.

use crate::caller::Caller;
use crate::id::{Entity, Id};
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub struct Customer {
    pub id: CustomerId,
    pub code: String,
    pub name: String,
    pub phone: String,
    pub email: String,
    pub level: Level,
    pub tags: Vec<String>,
    pub created_at: Timestamp,
}

pub type CustomerId = Id<Customer>;

impl Entity for Customer {
    const PREFIX: &'static str = "cus";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display, strum::EnumString, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Level {
    Regular,
    Silver,
    Gold,
    Diamond,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    pub id: AddressId,
    pub customer: CustomerId,
    pub destination: Destination,
    pub is_default: bool,
}

pub type AddressId = Id<Address>;

impl Entity for Address {
    const PREFIX: &'static str = "adr";
}

/// Where a parcel goes. Orders keep their own copy: an address book may change, what was ordered may not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Destination {
    pub recipient: String,
    pub phone: String,
    pub province: String,
    pub city: String,
    pub district: String,
    pub street: String,
}

impl Customer {
    /// As this caller may see them.
    #[must_use]
    pub fn seen_by(self, caller: &Caller) -> Self {
        if caller.sees_personal_data() {
            return self;
        }
        Self { name: mask_name(&self.name), phone: mask_phone(&self.phone), email: mask_email(&self.email), ..self }
    }
}

impl Address {
    #[must_use]
    pub fn seen_by(self, caller: &Caller) -> Self {
        Self { destination: self.destination.seen_by(caller), ..self }
    }
}

impl Destination {
    #[must_use]
    pub fn seen_by(self, caller: &Caller) -> Self {
        if caller.sees_personal_data() { self } else { mask_destination(&self) }
    }
}

/// `138****1234`; anything shorter than a phone number is hidden whole.
pub fn mask_phone(phone: &str) -> String {
    let digits: Vec<char> = phone.chars().collect();
    match digits.len() {
        0 => String::new(),
        n if n < 8 => "*".repeat(n),
        n => digits[..3].iter().chain(&vec!['*'; n - 7]).chain(&digits[n - 4..]).collect(),
    }
}

/// `王**`: the first character only.
pub fn mask_name(name: &str) -> String {
    let mut chars = name.chars();
    match chars.next() {
        Some(first) => std::iter::once(first).chain(chars.map(|_| '*')).collect(),
        None => String::new(),
    }
}

/// `w***@example.com`
pub fn mask_email(email: &str) -> String {
    match email.split_once('@') {
        Some((name, host)) => format!("{}***@{host}", name.chars().next().unwrap_or('*')),
        None => "*".repeat(email.chars().count().min(3)),
    }
}

/// Province and city stay, the rest goes: enough to plan freight, not enough to find a door.
pub fn mask_destination(place: &Destination) -> Destination {
    Destination {
        recipient: mask_name(&place.recipient),
        phone: mask_phone(&place.phone),
        province: place.province.clone(),
        city: place.city.clone(),
        district: if place.district.is_empty() { String::new() } else { "***".to_owned() },
        street: if place.street.is_empty() { String::new() } else { "***".to_owned() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn personal_data_is_masked() {
        assert_eq!(mask_phone("13800001234"), "138****1234");
        assert_eq!(mask_phone("12345"), "*****");
        assert_eq!(mask_phone(""), "");
        assert_eq!(mask_name("欧阳小禾"), "欧***");
        let masked = mask_destination(&Destination {
            recipient: "王小满".into(),
            street: "稻香路 8 号".into(),
            city: "杭州".into(),
            ..Destination::default()
        });
        assert_eq!((masked.recipient.as_str(), masked.street.as_str(), masked.city.as_str()), ("王**", "***", "杭州"));
    }
}

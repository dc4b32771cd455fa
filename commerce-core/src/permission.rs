//! What the shop's people may do. Every use case names the permission it needs; a role is a set of them.

use strum::{EnumIter, IntoEnumIterator};

/// One thing somebody may or may not do. The words are those of API keys and of the staff page, and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EnumIter, strum::Display, strum::EnumString)]
pub enum Permission {
    /// What the shop knows of its goods and shoppers do not: floor prices, piles, batches.
    #[strum(serialize = "catalogue:read")]
    ReadCatalogue,
    /// Products, categories, batches, activities.
    #[strum(serialize = "catalogue:write")]
    WriteCatalogue,
    #[strum(serialize = "prices:write")]
    WritePrices,
    #[strum(serialize = "stock:write")]
    WriteStock,
    #[strum(serialize = "rules:read")]
    ReadRules,
    /// Marketing rules and coupons.
    #[strum(serialize = "rules:write")]
    WriteRules,
    #[strum(serialize = "orders:read")]
    ReadOrders,
    /// Place orders for customers, change them, cancel them, move them on.
    #[strum(serialize = "orders:write")]
    WriteOrders,
    /// Pick, pack, plan parcels, send them, split and merge.
    #[strum(serialize = "parcels:write")]
    WriteParcels,
    #[strum(serialize = "after-sale:write")]
    WriteAfterSale,
    /// Customers, their addresses, carts and coupons.
    #[strum(serialize = "customers:read")]
    ReadCustomers,
    #[strum(serialize = "customers:write")]
    WriteCustomers,
    /// Names, phones and addresses as they are, not masked.
    #[strum(serialize = "personal-data:read")]
    ReadPersonalData,
    /// Take money at the counter, issue gift cards.
    #[strum(serialize = "payments:write")]
    WritePayments,
    /// Give money back, compensate.
    #[strum(serialize = "refunds:write")]
    WriteRefunds,
    /// The second person's word.
    #[strum(serialize = "refunds:approve")]
    ApproveRefunds,
    #[strum(serialize = "disputes:write")]
    WriteDisputes,
    #[strum(serialize = "ledger:read")]
    ReadLedger,
    /// Transfers by hand, and importing orders, whose payments are booked.
    #[strum(serialize = "ledger:write")]
    WriteLedger,
    /// Statements of channels, differences.
    #[strum(serialize = "reconciliation:write")]
    Reconcile,
    #[strum(serialize = "staff:write")]
    WriteStaff,
    /// API keys.
    #[strum(serialize = "keys:write")]
    WriteKeys,
    /// Who did what.
    #[strum(serialize = "audit:read")]
    ReadAudit,
    /// How the shop counts freight and tax, how long it waits, when a second person is asked.
    #[strum(serialize = "settings:write")]
    WriteSettings,
    /// What time and channels ask for: sweep, chase, take notifications, seal.
    #[strum(serialize = "jobs:run")]
    RunJobs,
    /// Who outside hears of events, and what they missed.
    #[strum(serialize = "webhooks:write")]
    WriteWebhooks,
}

/// A set of permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Grants(u64);

impl Grants {
    pub const NONE: Self = Self(0);
    pub const ALL: Self = Self(u64::MAX);

    pub const fn of(permissions: &[Permission]) -> Self {
        let (mut bits, mut i) = (0, 0);
        while i < permissions.len() {
            bits |= 1 << permissions[i] as u64;
            i += 1;
        }
        Self(bits)
    }

    pub fn contains(self, permission: Permission) -> bool {
        self.0 & Self::of(&[permission]).0 != 0
    }

    /// What is in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub fn includes(self, other: Self) -> bool {
        self.and(other) == other
    }

    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::iter().filter(move |permission| self.contains(*permission))
    }
}

impl FromIterator<Permission> for Grants {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        Self(permissions.into_iter().fold(0, |bits, permission| bits | Self::of(&[permission]).0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_what_was_put_into_it() {
        let clerk = Grants::of(&[Permission::ReadOrders, Permission::WriteOrders]);
        assert!(clerk.contains(Permission::ReadOrders) && !clerk.contains(Permission::ReadLedger));
        assert_eq!(clerk.iter().collect::<Grants>(), clerk);
        let both = clerk.and(Grants::of(&[Permission::WriteOrders, Permission::ReadLedger]));
        assert_eq!(both, Grants::of(&[Permission::WriteOrders]));
        assert!(Permission::iter().all(|one| Grants::ALL.contains(one) && !Grants::NONE.contains(one)));
    }

    #[test]
    fn every_permission_has_a_word_of_its_own() {
        for permission in Permission::iter() {
            assert_eq!(permission.to_string().parse(), Ok(permission));
            assert!(permission.to_string().contains(':'), "{permission}");
        }
    }
}

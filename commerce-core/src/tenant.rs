//! A tenant is one shop with its own data, currency and rules.

use crate::checkout::{FreightPolicy, TaxPolicy};
use crate::id::{Entity, Id};
use crate::money::Currency;

#[derive(Clone, Debug, PartialEq)]
pub struct Tenant {
    pub id: TenantId,
    pub code: String,
    pub name: String,
    pub currency: Currency,
    pub settings: Settings,
}

pub type TenantId = Id<Tenant>;

impl Entity for Tenant {
    const PREFIX: &'static str = "ten";
}

/// What a shop decides for itself; kept as JSON, so every field has a default.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// How long stock waits for payment.
    pub hold_minutes: u32,
    /// How long the order itself waits before it is cancelled.
    pub payment_timeout_minutes: u32,
    pub utc_offset_minutes: i32,
    pub freight: FreightPolicy,
    pub tax: TaxPolicy,
    /// Heavier orders are proposed for splitting.
    pub split_over_g: u32,
    /// Orders to one address and phone, together lighter than this and placed within the window, are proposed for merging.
    pub merge_under_g: u32,
    pub merge_window_minutes: u32,
    /// Where, with what has gone back before, more than this of one order is to go back on somebody's word, a second person
    /// looks at it first: in the currency's smallest unit. None where one person may decide alone.
    pub refund_check_over: Option<i64>,
    /// Whether its people can do nothing before they have set up a second factor.
    pub second_factor_needed: bool,
}

/// A thousand million of the smallest unit: no freight costs more.
const MOST_AMOUNT: i64 = 1_000_000_000;

impl Settings {
    /// Whether orders can be counted by them.
    pub(crate) fn is_usable(&self) -> bool {
        let freight = &self.freight;
        let amounts = [Some(freight.first), Some(freight.step), freight.free_from, self.refund_check_over];
        let mut amounts = amounts.into_iter().flatten().chain(freight.surcharge.values().copied());
        amounts.all(|amount| (0..=MOST_AMOUNT).contains(&amount)) && self.utc_offset_minutes.abs() <= 14 * 60
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            hold_minutes: 15,
            payment_timeout_minutes: 30,
            utc_offset_minutes: 8 * 60,
            freight: FreightPolicy::default(),
            tax: TaxPolicy::default(),
            split_over_g: 20_000,
            merge_under_g: 10_000,
            merge_window_minutes: 120,
            refund_check_over: None,
            second_factor_needed: false,
        }
    }
}

//! What an order costs. The preview and the order itself call [`total_up`], so they cannot differ.

use crate::catalog::{BatchId, Labels, ProductId, ProductKind, SkuId};
use crate::money::{Currency, Money, MoneyError, Rate, Round};
use crate::pricing::{ActivityId, Price, PriceRule};
use crate::rules::FreightRelief;
use std::collections::BTreeMap;

/// A SKU as it stands in the shop window: what is needed to price it and to write it on an order.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    pub sku: SkuId,
    pub product: ProductId,
    pub kind: ProductKind,
    pub product_code: String,
    pub category: String,
    pub sku_code: String,
    pub title: String,
    pub options: Labels,
    pub is_on_sale: bool,
    pub weight_g: u32,
    pub list_price: Money,
    pub floor_price: Money,
    pub prices: Vec<Price>,
}

/// A line with its price decided.
#[derive(Clone, Debug, PartialEq)]
pub struct PricedLine {
    pub sku: SkuId,
    pub product: ProductId,
    pub kind: ProductKind,
    pub sku_code: String,
    pub title: String,
    pub options: Labels,
    pub qty: u32,
    pub unit_price: Money,
    pub rule: PriceRule,
    pub amount: Money,
    /// What marketing rules took off the amount.
    pub discount: Money,
    pub tax: Money,
    pub weight_g: u64,
    pub activity: Option<ActivityId>,
    /// The batch the buyer asked for, if any.
    pub batch: Option<BatchId>,
}

impl PricedLine {
    pub fn new(offer: &Offer, qty: u32, quote: crate::pricing::Quote, tax: &TaxPolicy) -> Result<Self, MoneyError> {
        let amount = quote.unit.times(i64::from(qty))?;
        Ok(Self {
            sku: offer.sku,
            product: offer.product,
            kind: offer.kind,
            sku_code: offer.sku_code.clone(),
            title: offer.title.clone(),
            options: offer.options.clone(),
            qty,
            unit_price: quote.unit,
            rule: quote.rule,
            amount,
            discount: Money::zero(amount.currency()),
            tax: tax.on(amount)?,
            weight_g: u64::from(offer.weight_g) * u64::from(qty),
            activity: None,
            batch: None,
        })
    }
}

impl PricedLine {
    pub fn share(&self) -> Share {
        Share { kind: self.kind, amount: self.amount, discount: self.discount, tax: self.tax, weight_g: self.weight_g }
    }

    /// The line with this much taken off; tax is only due on what is left.
    pub fn reduced(self, discount: Money, tax: &TaxPolicy) -> Result<Self, MoneyError> {
        let tax = tax.on(self.amount.checked_sub(discount)?)?;
        Ok(Self { discount, tax, ..self })
    }
}

/// What the buyer is asked to pay, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Totals {
    pub goods: Money,
    pub discount: Money,
    pub freight: Money,
    /// Part of `goods` where prices include tax, on top of it where they do not.
    pub tax: Money,
    pub total: Money,
    pub weight_g: u64,
}

/// What a line adds to the totals.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    pub kind: ProductKind,
    pub amount: Money,
    pub discount: Money,
    pub tax: Money,
    pub weight_g: u64,
}

/// Sums the lines and adds freight and tax. Rounding happened per line, so the lines sum to the total exactly.
pub fn total_up(
    shares: &[Share],
    province: &str,
    currency: Currency,
    freight: &FreightPolicy,
    relief: FreightRelief,
    tax: &TaxPolicy,
) -> Result<Totals, MoneyError> {
    let goods = Money::sum(currency, shares.iter().map(|share| share.amount))?;
    let discount = Money::sum(currency, shares.iter().map(|share| share.discount))?;
    let charged = goods.checked_sub(discount)?;
    let taxes = Money::sum(currency, shares.iter().map(|share| share.tax))?;
    let weight_g = shares.iter().map(|share| share.weight_g).sum();
    let needs_shipping = shares.iter().any(|share| share.kind == ProductKind::Physical);
    let freight = match relief {
        FreightRelief::None if needs_shipping => freight.charge(charged, weight_g, province)?,
        FreightRelief::None | FreightRelief::Free => Money::zero(currency),
    };
    let added_tax = match tax.mode {
        TaxMode::Included => Money::zero(currency),
        TaxMode::Added => taxes,
    };
    let total = charged.checked_add(freight)?.checked_add(added_tax)?;
    Ok(Totals { goods, discount, freight, tax: taxes, total, weight_g })
}

/// First weight, then steps; free from an amount on; some provinces cost more. Amounts are minor units of the shop's currency.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FreightPolicy {
    pub first_g: u32,
    pub first: i64,
    pub step_g: u32,
    pub step: i64,
    pub free_from: Option<i64>,
    pub surcharge: BTreeMap<String, i64>,
}

impl Default for FreightPolicy {
    /// 1 kg for 8.00, 2.00 for each further kg, free from 99.00; far provinces pay 12.00 more even then.
    fn default() -> Self {
        let far = ["新疆", "西藏", "青海", "内蒙古"];
        Self {
            first_g: 1_000,
            first: 800,
            step_g: 1_000,
            step: 200,
            free_from: Some(9_900),
            surcharge: far.map(|p| (p.to_owned(), 1_200)).into(),
        }
    }
}

impl FreightPolicy {
    fn charge(&self, goods: Money, weight_g: u64, province: &str) -> Result<Money, MoneyError> {
        let currency = goods.currency();
        let over_g = weight_g.saturating_sub(u64::from(self.first_g));
        let steps = i64::try_from(over_g.div_ceil(u64::from(self.step_g.max(1)))).map_err(|_| MoneyError::Overflow)?;
        let is_free = self.free_from.is_some_and(|from| goods.minor() >= from);
        let by_weight = Money::from_minor(self.step, currency)
            .times(steps)?
            .checked_add(Money::from_minor(self.first, currency))?;
        let base = if is_free { Money::zero(currency) } else { by_weight };
        // 新疆维吾尔自治区 and 新疆 are one place to a carrier.
        let surcharge =
            self.surcharge.iter().find(|(name, _)| province.starts_with(name.as_str())).map_or(0, |(_, extra)| *extra);
        base.checked_add(Money::from_minor(surcharge, currency))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TaxPolicy {
    pub rate: Rate,
    pub mode: TaxMode,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxMode {
    Included,
    Added,
}

impl Default for TaxPolicy {
    /// Farm goods in China: 9%, inside the price.
    fn default() -> Self {
        Self { rate: Rate::from_basis_points(900), mode: TaxMode::Included }
    }
}

impl TaxPolicy {
    fn on(&self, amount: Money) -> Result<Money, MoneyError> {
        match self.mode {
            TaxMode::Included => self.rate.within(amount, Round::HalfEven),
            TaxMode::Added => self.rate.of(amount, Round::HalfEven),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freight_follows_weight_amount_and_province() {
        let policy = FreightPolicy::default();
        let check = |goods: i64, weight_g, province: &str, expected: i64| {
            assert_eq!(
                policy.charge(Money::from_minor(goods, Currency::CNY), weight_g, province).unwrap().minor(),
                expected
            );
        };
        check(5_000, 900, "浙江省", 800);
        check(5_000, 1_001, "浙江省", 1_000);
        check(5_000, 5_000, "浙江省", 1_600);
        check(9_900, 5_000, "浙江省", 0);
        check(9_900, 5_000, "新疆维吾尔自治区", 1_200);
    }
}

//! Exact money: minor units and a currency. Nothing here rounds unless it is named rounding.

mod currency;

pub use currency::Currency;

use crate::error::{Code, Failure, Kind};
use std::fmt;

/// An exact amount in the currency's smallest unit. Adding two currencies is an error, not a sum.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    pub const fn from_minor(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    pub const fn zero(currency: Currency) -> Self {
        Self::from_minor(0, currency)
    }

    /// Reads `59.90` and refuses what the currency cannot hold: no rounding at the door.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let not_a_number = || MoneyError::NotANumber(text.chars().take(40).collect());
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let only_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || digits.ends_with('.') || !only_digits(whole) || !only_digits(fraction) {
            return Err(not_a_number());
        }
        let places = usize::from(currency.exponent());
        if fraction.len() > places {
            return Err(MoneyError::TooManyDecimals { text: text.chars().take(40).collect(), currency });
        }
        let mut minor: i128 = 0;
        let padding = std::iter::repeat_n(b'0', places - fraction.len());
        for digit in whole.bytes().chain(fraction.bytes()).chain(padding) {
            minor = minor * 10 + i128::from(digit - b'0');
            if minor > i128::from(i64::MAX) {
                return Err(MoneyError::Overflow);
            }
        }
        to_minor(if negative { -minor } else { minor }).map(|minor| Self { minor, currency })
    }

    pub const fn minor(self) -> i64 {
        self.minor
    }

    pub const fn currency(self) -> Currency {
        self.currency
    }

    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    pub const fn is_negative(self) -> bool {
        self.minor < 0
    }

    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_add(other.minor))
    }

    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_sub(other.minor))
    }

    pub fn times(self, count: i64) -> Result<Self, MoneyError> {
        self.with(self.minor.checked_mul(count))
    }

    pub fn negate(self) -> Result<Self, MoneyError> {
        self.with(self.minor.checked_neg())
    }

    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    /// Parts in proportion to `weights` that always sum to the whole: each part is rounded towards zero,
    /// and the units left over go one by one to the largest remainders (the earlier part on a tie).
    /// With no weight at all the parts are equal.
    pub fn split(self, weights: &[u64]) -> Vec<Self> {
        let total: i128 = weights.iter().map(|w| i128::from(*w)).sum();
        if total == 0 && !weights.is_empty() {
            return self.split(&vec![1; weights.len()]);
        }
        let sign = i64::signum(self.minor);
        let whole = i128::from(self.minor).abs();
        let shares: Vec<(i128, i128)> =
            weights.iter().map(|w| (whole * i128::from(*w) / total, whole * i128::from(*w) % total)).collect();
        let mut left = whole - shares.iter().map(|(share, _)| share).sum::<i128>();
        let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
        by_remainder.sort_by_key(|&i| std::cmp::Reverse(shares[i].1));
        let mut parts: Vec<i128> = shares.into_iter().map(|(share, _)| share).collect();
        for i in by_remainder {
            if left == 0 {
                break;
            }
            parts[i] += 1;
            left -= 1;
        }
        // No part is larger than the whole, which fits.
        parts
            .into_iter()
            .map(|part| Self::from_minor(sign * i64::try_from(part).unwrap_or(i64::MAX), self.currency))
            .collect()
    }

    /// This amount times `part` / `whole`, rounded once.
    pub fn share(self, part: Self, whole: Self, round: Round) -> Result<Self, MoneyError> {
        part.same_currency(whole)?;
        if whole.minor == 0 {
            return Err(MoneyError::Overflow);
        }
        let minor = divide(i128::from(self.minor) * i128::from(part.minor), i128::from(whole.minor), round)?;
        Ok(Self { minor, ..self })
    }

    /// The larger of two amounts of one currency.
    pub fn at_least(self, floor: Self) -> Result<Self, MoneyError> {
        self.same_currency(floor)?;
        Ok(if self.minor < floor.minor { floor } else { self })
    }

    /// `59.90`, without the currency.
    pub fn amount(self) -> String {
        let per_whole = self.currency.units_per_whole().unsigned_abs();
        let sign = if self.minor < 0 { "-" } else { "" };
        let (whole, fraction) = (self.minor.unsigned_abs() / per_whole, self.minor.unsigned_abs() % per_whole);
        match usize::from(self.currency.exponent()) {
            0 => format!("{sign}{whole}"),
            places => format!("{sign}{whole}.{fraction:0places$}"),
        }
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch { left: self.currency, right: other.currency })
    }

    fn with(self, minor: Option<i64>) -> Result<Self, MoneyError> {
        minor.map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }
}

/// `59.90 CNY`
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount(), self.currency)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `{"amount": "59.90", "currency": "CNY"}`: text, because JSON's numbers are floats to many readers.
#[derive(serde::Serialize, serde::Deserialize)]
struct MoneyText {
    amount: String,
    currency: Currency,
}

impl serde::Serialize for Money {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        MoneyText { amount: self.amount(), currency: self.currency }.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Money {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = MoneyText::deserialize(deserializer)?;
        Self::parse(&text.amount, text.currency).map_err(serde::de::Error::custom)
    }
}

/// A share in basis points: 900 is 9%.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Rate(u32);

/// What happens to half a minor unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    HalfEven,
    HalfUp,
    Down,
}

impl Rate {
    pub const fn from_basis_points(basis_points: u32) -> Self {
        Self(basis_points)
    }

    pub const fn basis_points(self) -> u32 {
        self.0
    }

    /// This share of `money`, rounded once, here.
    pub fn of(self, money: Money, round: Round) -> Result<Money, MoneyError> {
        divide(i128::from(money.minor) * i128::from(self.0), 10_000, round).map(|minor| Money { minor, ..money })
    }

    /// The part of a gross amount that this rate already put into it: the tax in a tax-inclusive price.
    pub fn within(self, gross: Money, round: Round) -> Result<Money, MoneyError> {
        divide(i128::from(gross.minor) * i128::from(self.0), 10_000 + i128::from(self.0), round)
            .map(|minor| Money { minor, ..gross })
    }
}

fn divide(numerator: i128, denominator: i128, round: Round) -> Result<i64, MoneyError> {
    let (quotient, twice_left) = (numerator / denominator, (numerator % denominator).abs() * 2);
    let up = match round {
        Round::Down => false,
        Round::HalfUp => twice_left >= denominator,
        Round::HalfEven => twice_left > denominator || (twice_left == denominator && quotient % 2 != 0),
    };
    to_minor(if up { quotient + numerator.signum() } else { quotient })
}

fn to_minor(value: i128) -> Result<i64, MoneyError> {
    i64::try_from(value).map_err(|_| MoneyError::Overflow)
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("{0:?} is not an ISO 4217 currency the shop knows; use a code such as CNY or USD")]
    UnknownCurrency(String),
    #[error("{text} has more decimals than {currency} has; give at most {} decimals", currency.exponent())]
    TooManyDecimals { text: String, currency: Currency },
    #[error("{0:?} is not an amount; write it like 59.90")]
    NotANumber(String),
    #[error("the amount is too large to be held exactly; split it")]
    Overflow,
    #[error("{left} and {right} cannot be added; convert one of them first")]
    CurrencyMismatch { left: Currency, right: Currency },
}

impl Failure for MoneyError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn code(&self) -> Code {
        match self {
            Self::UnknownCurrency(_) => Code::UnknownCurrency,
            Self::TooManyDecimals { .. } => Code::TooManyDecimals,
            Self::NotANumber(_) => Code::InvalidAmount,
            Self::Overflow => Code::AmountOverflow,
            Self::CurrencyMismatch { .. } => Code::CurrencyMismatch,
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::UnknownCurrency(text) => format!("不认识币种 {text:?}，请使用 CNY、USD 这样的 ISO 4217 代码"),
            Self::TooManyDecimals { text, currency } => {
                format!("{text} 的小数位超出 {currency} 的精度，最多 {} 位小数", currency.exponent())
            }
            Self::NotANumber(text) => format!("{text:?} 不是金额，请写成 59.90 这样的形式"),
            Self::Overflow => "金额过大，无法精确表示，请拆分".to_owned(),
            Self::CurrencyMismatch { left, right } => format!("{left} 与 {right} 不能直接相加，请先换算"),
        }
    }
}

#[cfg(test)]
mod tests;

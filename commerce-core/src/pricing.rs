//! What a SKU costs, for this buyer, in this channel, now: [`quote`] is the only place that knows.

use crate::catalog::SkuId;
use crate::customer::Level;
use crate::error::{Code, Failure, Kind};
use crate::id::{Entity, Id};
use crate::money::Money;
use crate::tenant::TenantId;
use crate::time::Timestamp;
use std::fmt;

/// A limited-time event with prices and stock of its own: a seckill, a live room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activity {
    pub id: ActivityId,
    pub code: String,
    pub name: String,
    pub starts_at: Timestamp,
    pub ends_at: Timestamp,
}

pub type ActivityId = Id<Activity>;

impl Entity for Activity {
    const PREFIX: &'static str = "act";
}

/// A price beside the list price, for those it is meant for, while it is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    pub id: PriceId,
    pub sku: SkuId,
    pub rule: PriceRule,
    pub amount: Money,
    pub valid_from: Timestamp,
    pub valid_to: Timestamp,
}

impl Price {
    /// A price of this rule from that moment on. Entered again, it is the same one.
    pub fn new(
        tenant: TenantId,
        sku: SkuId,
        rule: PriceRule,
        amount: Money,
        (valid_from, valid_to): (Timestamp, Timestamp),
    ) -> Self {
        let id = Id::derived(&tenant.to_string(), &format!("{sku}/{rule}/{valid_from}"));
        Self { id, sku, rule, amount, valid_from, valid_to }
    }
}

pub type PriceId = Id<Price>;

impl Entity for Price {
    const PREFIX: &'static str = "prc";
}

/// Which rule decided a price. The order of the variants breaks ties: the later, the stronger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PriceRule {
    List,
    Channel(String),
    Member(Level),
    Activity(ActivityId),
}

impl PriceRule {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Channel(_) => "channel",
            Self::Member(_) => "member",
            Self::Activity(_) => "activity",
        }
    }

    /// For whom: the channel's name, the member level, the activity's id.
    pub fn selector(&self) -> String {
        match self {
            Self::List => String::new(),
            Self::Channel(channel) => channel.clone(),
            Self::Member(level) => level.to_string(),
            Self::Activity(activity) => activity.to_string(),
        }
    }

    pub fn read(kind: &str, selector: &str) -> Option<Self> {
        match kind {
            "list" => Some(Self::List),
            "channel" if !selector.is_empty() => Some(Self::Channel(selector.to_owned())),
            "member" => selector.parse().ok().map(Self::Member),
            "activity" => selector.parse().ok().map(Self::Activity),
            _ => None,
        }
    }
}

/// `member:gold`
impl fmt::Display for PriceRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List => f.write_str("list"),
            other => write!(f, "{}:{}", other.kind(), other.selector()),
        }
    }
}

/// Who asks for a price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buyer {
    pub level: Level,
    pub channel: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    pub unit: Money,
    /// The rule that decided.
    pub rule: PriceRule,
}

/// The price of one SKU.
///
/// The channel's price takes the place of the list price. Against it stand the member's price and, where the buyer
/// comes through an activity, the activity's price; the lowest wins, and on a tie the stronger rule. A price below
/// the floor is never offered, whatever was entered.
pub fn quote(
    list: Money,
    floor: Money,
    prices: &[Price],
    buyer: &Buyer,
    activity: Option<ActivityId>,
    now: Timestamp,
) -> Result<Quote, PriceError> {
    let valid =
        |price: &&Price| price.valid_from <= now && now < price.valid_to && price.amount.minor() >= floor.minor();
    let newest = |rule: &PriceRule| {
        prices.iter().filter(valid).filter(|price| price.rule == *rule).max_by_key(|price| price.valid_from)
    };
    let base = newest(&PriceRule::Channel(buyer.channel.clone()));
    let mut best = base.map_or(Quote { unit: list, rule: PriceRule::List }, |price| Quote {
        unit: price.amount,
        rule: price.rule.clone(),
    });
    let mut consider = |price: &Price| {
        if (price.amount.minor(), &best.rule) < (best.unit.minor(), &price.rule) {
            best = Quote { unit: price.amount, rule: price.rule.clone() };
        }
    };
    if let Some(price) = newest(&PriceRule::Member(buyer.level)) {
        consider(price);
    }
    if let Some(activity) = activity {
        // Who was promised the activity's price must not be charged another one unawares.
        consider(newest(&PriceRule::Activity(activity)).ok_or(PriceError::Expired)?);
    }
    Ok(best)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    #[error("the activity's price is not valid now; look at the goods again")]
    Expired,
}

impl Failure for PriceError {
    fn kind(&self) -> Kind {
        Kind::Conflict
    }
    fn code(&self) -> Code {
        Code::PriceExpired
    }
    fn zh(&self) -> String {
        "活动价不在有效期内，请刷新商品后再试".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::Mint;
    use crate::money::Currency;

    const NOW: Timestamp = Timestamp::from_micros(1_000);

    fn yuan(text: &str) -> Money {
        Money::parse(text, Currency::CNY).unwrap()
    }

    fn tag(rule: PriceRule, amount: &str) -> Price {
        let mint = Mint::seeded(1);
        let (valid_from, valid_to) = (Timestamp::from_micros(0), Timestamp::from_micros(2_000));
        Price { id: mint.id(NOW), sku: mint.id(NOW), rule, amount: yuan(amount), valid_from, valid_to }
    }

    #[test]
    fn the_rule_that_decides_is_named() {
        let activity: ActivityId = Mint::seeded(2).id(NOW);
        let channel = |amount| tag(PriceRule::Channel("douyin".into()), amount);
        let member = |amount| tag(PriceRule::Member(Level::Gold), amount);
        let event = |amount| tag(PriceRule::Activity(activity), amount);
        let check = |prices: &[Price], in_activity: bool, expected: &str| {
            let buyer = Buyer { level: Level::Gold, channel: "douyin".into() };
            let quote = quote(yuan("100"), yuan("60"), prices, &buyer, in_activity.then_some(activity), NOW).unwrap();
            let expected = expected.replace("ACT", &activity.to_string());
            assert_eq!(format!("{} {}", quote.unit.amount(), quote.rule), expected);
        };
        check(&[], false, "100.00 list");
        check(&[channel("110")], false, "110.00 channel:douyin");
        check(&[channel("110"), member("90")], false, "90.00 member:gold");
        check(&[channel("80"), member("90")], false, "80.00 channel:douyin");
        check(&[member("90"), event("70")], false, "90.00 member:gold");
        check(&[member("90"), event("70")], true, "70.00 activity:ACT");
        check(&[member("70"), event("70")], true, "70.00 activity:ACT");
        check(&[member("59.99")], false, "100.00 list");
        check(&[tag(PriceRule::Member(Level::Silver), "70")], false, "100.00 list");
    }

    #[test]
    fn an_activity_price_that_ended_is_said_so() {
        let activity: ActivityId = Mint::seeded(2).id(NOW);
        let buyer = Buyer { level: Level::Regular, channel: "h5".into() };
        let prices = [tag(PriceRule::Activity(activity), "70")];
        let late = Timestamp::from_micros(2_000);
        assert_eq!(quote(yuan("100"), yuan("60"), &prices, &buyer, Some(activity), late), Err(PriceError::Expired));
    }
}

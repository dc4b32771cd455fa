//! What the rules did, and why each did what it did.

use super::Text;
use crate::money::Money;
use crate::time::Timestamp;
use serde::Serialize;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// What is taken off each line of the basket, never below zero.
    pub per_line: Vec<Money>,
    pub discount: Money,
    pub freight: FreightRelief,
    /// Every rule and every coupon, in the order looked at.
    pub considered: Vec<Considered>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreightRelief {
    None,
    Free,
}

/// What became of a rule, and of the coupon presented for it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Considered {
    pub rule_id: String,
    /// Nothing where a coupon names a rule that is not known.
    pub title: Option<Text>,
    pub coupon: Option<String>,
    #[serde(flatten)]
    pub verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Took `amount` off, line by line. The floor prices kept it from taking `capped_by_floor` more.
    Fired {
        amount: Money,
        per_line: Vec<(usize, Money)>,
        capped_by_floor: Money,
    },
    ShipsFree,
    /// The freight was free already, by another rule.
    FreightIsFree {
        with: String,
    },
    /// It would have made the freight free, and there is none to pay: a coupon is not used up for that.
    NothingToShip,
    NotYetValid {
        from: Timestamp,
    },
    Expired {
        at: Timestamp,
    },
    NoCoupon,
    UnknownRule,
    NothingInScope,
    ConditionNotMet {
        path: String,
        wanted: Text,
        found: Text,
    },
    /// That rule left it no line to look at.
    NotStackable {
        with: String,
    },
    /// There is nothing more to take off: the lines are at their floor prices, or the share rounds to zero.
    NothingLeft,
}

impl Considered {
    /// Whether the buyer gained by it: if so, its coupon is used up.
    pub fn took_effect(&self) -> bool {
        matches!(self.verdict, Verdict::Fired { .. } | Verdict::ShipsFree)
    }

    pub fn explain_en(&self) -> String {
        let coupon = self.coupon.as_ref().map(|code| format!(" (coupon {code})")).unwrap_or_default();
        let title = self.title.as_ref().map_or(&self.rule_id, |title| &title.en);
        format!("{title}{coupon}: {}.", self.verdict.text().en)
    }

    pub fn explain_zh(&self) -> String {
        let coupon = self.coupon.as_ref().map(|code| format!("（券 {code}）")).unwrap_or_default();
        let title = self.title.as_ref().map_or(&self.rule_id, |title| &title.zh);
        format!("{title}{coupon}：{}。", self.verdict.text().zh)
    }
}

impl Verdict {
    fn text(&self) -> Text {
        match self {
            Self::Fired { amount, capped_by_floor, .. } if capped_by_floor.is_zero() => {
                Text::new(format!("减 {amount}"), format!("takes off {amount}"))
            }
            Self::Fired { amount, capped_by_floor, .. } => Text::new(
                format!("减 {amount}，因底价限制少减 {capped_by_floor}"),
                format!("takes off {amount}; the floor prices keep back {capped_by_floor}"),
            ),
            Self::ShipsFree => Text::new("免运费", "the order ships free"),
            Self::FreightIsFree { with } => {
                Text::new(format!("运费已由 {with} 减免"), format!("{with} has made the freight free already"))
            }
            Self::NothingToShip => Text::new("这个订单本来就没有运费", "there is no freight to pay anyway"),
            Self::NotYetValid { from } => {
                Text::new(format!("{from} 才开始，请届时再来"), format!("starts at {from}; come back then"))
            }
            Self::Expired { at } => {
                Text::new(format!("已于 {at} 结束，请看其他优惠"), format!("ended at {at}; look for another offer"))
            }
            Self::NoCoupon => Text::new("需要出示优惠券", "needs a coupon; present one"),
            Self::UnknownRule => {
                Text::new("没有这张券对应的规则，请核对", "there is no such coupon rule; check the coupon")
            }
            Self::NothingInScope => Text::new("不适用于这些商品或这位买家", "is meant for other goods or other buyers"),
            Self::ConditionNotMet { path, wanted, found } => Text::new(
                format!("要求{}，现为{}（{path}）", wanted.zh, found.zh),
                format!("asks for {} and finds {} ({path})", wanted.en, found.en),
            ),
            Self::NotStackable { with } => Text::new(
                format!("这些商品已用 {with}，不能同享"),
                format!("cannot be combined with {with} on these goods"),
            ),
            Self::NothingLeft => Text::new("没有可再减的金额", "there is nothing left to take off"),
        }
    }
}

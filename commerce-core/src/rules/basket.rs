//! What is bought, by whom and when, and whether a condition holds of it.

use super::{Condition, Text};
use crate::customer::Level;
use crate::money::{Currency, Money};
use crate::time::Timestamp;

#[derive(Clone, Debug)]
pub struct Basket<'a> {
    pub lines: &'a [BasketLine<'a>],
    pub channel: &'a str,
    pub level: Level,
    pub tags: &'a [String],
    pub is_first_order: FirstOrder,
    pub coupons: &'a [PresentedCoupon<'a>],
    pub currency: Currency,
    pub now: Timestamp,
}

#[derive(Clone, Debug)]
pub struct BasketLine<'a> {
    pub sku_code: &'a str,
    pub product_code: &'a str,
    pub category: &'a str,
    /// The code of the activity it is bought through.
    pub activity: Option<&'a str>,
    pub qty: u32,
    pub amount: Money,
    /// What the whole line costs at least, whatever the rules say.
    pub floor: Money,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirstOrder {
    Yes,
    No,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentedCoupon<'a> {
    pub code: &'a str,
    pub rule_id: &'a str,
}

/// What a condition is held against: the buyer, and the lines that are open to the rule.
pub(super) struct Facts<'a> {
    pub(super) basket: &'a Basket<'a>,
    pub(super) amount: Money,
    pub(super) pieces: u64,
}

impl Facts<'_> {
    pub(super) fn hold(&self, condition: &Condition) -> bool {
        match condition {
            Condition::All(parts) => parts.iter().all(|part| self.hold(part)),
            Condition::Any(parts) => parts.iter().any(|part| self.hold(part)),
            Condition::Not(inner) => !self.hold(inner),
            Condition::AmountAtLeast(amount) => self.amount.minor() >= amount.0.minor(),
            Condition::AmountBelow(amount) => self.amount.minor() < amount.0.minor(),
            Condition::PiecesAtLeast(pieces) => self.pieces >= u64::from(*pieces),
            Condition::PiecesBelow(pieces) => self.pieces < u64::from(*pieces),
            Condition::ChannelIn(channels) => channels.contains(self.basket.channel),
            Condition::LevelIn(levels) => levels.contains(&self.basket.level),
            Condition::TagIn(tags) => self.basket.tags.iter().any(|tag| tags.contains(tag)),
            Condition::FirstOrder(_) => self.basket.is_first_order == FirstOrder::Yes,
        }
    }

    /// The innermost part to blame, and where it stands.
    pub(super) fn unmet<'c>(&self, condition: &'c Condition, path: &str) -> Option<(String, &'c Condition)> {
        if self.hold(condition) {
            return None;
        }
        let here = format!("{path}.{}", condition.name());
        match condition {
            Condition::All(parts) => {
                parts.iter().enumerate().find_map(|(i, part)| self.unmet(part, &format!("{here}[{i}]")))
            }
            _ => Some((here, condition)),
        }
    }

    /// What is the case, of the things the condition asks about.
    pub(super) fn found(&self, condition: &Condition) -> Text {
        let mut said: Vec<Text> = Vec::new();
        self.say(condition, &mut said);
        Text::joined(&said, "，", ", ")
    }

    fn say(&self, condition: &Condition, said: &mut Vec<Text>) {
        let basket = self.basket;
        let text = match condition {
            Condition::All(parts) | Condition::Any(parts) => return parts.iter().for_each(|part| self.say(part, said)),
            Condition::Not(inner) => return self.say(inner, said),
            Condition::AmountAtLeast(_) | Condition::AmountBelow(_) => {
                Text::new(format!("金额 {}", self.amount), format!("goods worth {}", self.amount))
            }
            Condition::PiecesAtLeast(_) | Condition::PiecesBelow(_) => {
                Text::new(format!("{} 件", self.pieces), format!("{} pieces", self.pieces))
            }
            Condition::ChannelIn(_) => {
                Text::new(format!("渠道 {}", basket.channel), format!("channel {}", basket.channel))
            }
            Condition::LevelIn(_) => Text::new(format!("会员等级 {}", basket.level), format!("level {}", basket.level)),
            Condition::TagIn(_) if basket.tags.is_empty() => Text::new("没有标签", "no tags"),
            Condition::TagIn(_) => {
                Text::new(format!("标签 {}", basket.tags.join("、")), format!("tags {}", basket.tags.join(", ")))
            }
            Condition::FirstOrder(_) if basket.is_first_order == FirstOrder::Yes => Text::new("首单", "a first order"),
            Condition::FirstOrder(_) => Text::new("不是首单", "a later order"),
        };
        if !said.contains(&text) {
            said.push(text);
        }
    }
}

/// What the condition asks for.
pub(super) fn wanted(condition: &Condition) -> Text {
    let each = |parts: &[Condition]| parts.iter().map(wanted).collect::<Vec<_>>();
    let one_of = |zh: &str, en: &str, names: Vec<String>| {
        Text::new(format!("{zh} {}", names.join(" 或 ")), format!("{en} {}", names.join(" or ")))
    };
    match condition {
        Condition::All(parts) => Text::joined(&each(parts), "且", " and "),
        Condition::Any(parts) => Text::joined(&each(parts), "或", " or "),
        Condition::Not(inner) => {
            let inner = wanted(inner);
            Text::new(format!("并非（{}）", inner.zh), format!("not ({})", inner.en))
        }
        Condition::AmountAtLeast(amount) => {
            Text::new(format!("金额满 {}", amount.0), format!("goods worth at least {}", amount.0))
        }
        Condition::AmountBelow(amount) => {
            Text::new(format!("金额不到 {}", amount.0), format!("goods worth less than {}", amount.0))
        }
        Condition::PiecesAtLeast(pieces) => Text::new(format!("满 {pieces} 件"), format!("at least {pieces} pieces")),
        Condition::PiecesBelow(pieces) => Text::new(format!("少于 {pieces} 件"), format!("fewer than {pieces} pieces")),
        Condition::ChannelIn(names) => one_of("渠道", "channel", names.iter().cloned().collect()),
        Condition::LevelIn(levels) => one_of("会员等级", "level", levels.iter().map(ToString::to_string).collect()),
        Condition::TagIn(names) => one_of("标签", "tag", names.iter().cloned().collect()),
        Condition::FirstOrder(_) => Text::new("首单", "a first order"),
    }
}

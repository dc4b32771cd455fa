//! Rules as a shop keeps them: every version, and the coupons that give a right to some.

use super::{Rule, RuleFault};
use crate::caller::NotAllowed;
use crate::customer::CustomerId;
use crate::error::{Code, Failure, Kind};
use crate::id::Entity;
use crate::store::StoreError;
use crate::time::Timestamp;

#[derive(Clone, Debug, PartialEq)]
pub struct RuleVersion {
    pub rule: Rule,
    pub version: i64,
    pub state: RuleState,
    pub created_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum RuleState {
    Active,
    Withdrawn,
}

/// A right to the rule, once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coupon {
    pub code: String,
    pub rule_id: String,
    /// Whose it is; none is for whoever has the code.
    pub customer: Option<CustomerId>,
    pub state: CouponState,
}

impl Entity for Coupon {
    const PREFIX: &'static str = "cpn";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum CouponState {
    Unused,
    Used,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum RuleError {
    #[error("the rule has {} faults and was not taken: {}", .0.len(), listed(.0, RuleFault::to_string))]
    Faulty(Vec<RuleFault>),
    #[error("there is no rule {rule_id:?} in force; look at the list of rules")]
    UnknownRule { rule_id: String },
    #[error("{rule_id} is not a coupon rule; coupons are for rules of the type coupon")]
    NotForCoupons { rule_id: String },
    #[error("there is no such customer")]
    UnknownCustomer,
    #[error("at most {most} coupons are made at once; ask for them in parts")]
    TooManyCoupons { most: usize },
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn listed(faults: &[RuleFault], text: impl Fn(&RuleFault) -> String) -> String {
    faults.iter().map(text).collect::<Vec<_>>().join("; ")
}

impl Failure for RuleError {
    fn kind(&self) -> Kind {
        match self {
            Self::Faulty(_) | Self::NotForCoupons { .. } | Self::TooManyCoupons { .. } => Kind::Invalid,
            Self::UnknownRule { .. } | Self::UnknownCustomer => Kind::NotFound,
            Self::NotAllowed(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Faulty(_) => Code::InvalidRule,
            Self::UnknownRule { .. } | Self::NotForCoupons { .. } => Code::UnknownRule,
            Self::UnknownCustomer => Code::UnknownCustomer,
            Self::TooManyCoupons { .. } => Code::InvalidRequest,
            Self::NotAllowed(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::Faulty(faults) => {
                format!("规则有 {} 处错误，未保存：{}", faults.len(), listed(faults, Failure::zh))
            }
            Self::UnknownRule { rule_id } => format!("没有生效中的规则 {rule_id:?}，请查看规则列表"),
            Self::NotForCoupons { rule_id } => format!("{rule_id} 不是优惠券规则，只有 coupon 类型的规则可以发券"),
            Self::UnknownCustomer => "没有这个顾客".to_owned(),
            Self::TooManyCoupons { most } => format!("一次最多发放 {most} 张优惠券，请分批发放"),
            Self::NotAllowed(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

//! What can be wrong with a rule document, and what to do about it.

use super::RuleKind;
use crate::error::{Code, Failure, Kind};
use crate::money::{Money, MoneyError};
use crate::time::InvalidTime;

/// One thing that is wrong at one place of the document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{problem}", self.place())]
pub struct RuleFault {
    /// `condition.all[1].amount_at_least`; empty for the document as a whole.
    pub path: String,
    pub problem: Problem,
}

impl RuleFault {
    fn place(&self) -> String {
        if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) }
    }
}

impl Failure for RuleFault {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn code(&self) -> Code {
        Code::InvalidRequest
    }

    fn zh(&self) -> String {
        format!("{}{}", self.place(), self.problem.zh())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the document is longer than {most} bytes; split the rule")]
    TooLarge { most: usize },
    #[error("not JSON at line {line}, column {column} ({why}); correct it there")]
    Malformed { line: usize, column: usize, why: String },
    #[error("given more than once; keep one of them")]
    GivenTwice,
    #[error("no such field here; use {known}")]
    UnknownField { known: String },
    #[error("missing; add it")]
    Missing,
    #[error("a rule that never ends is refused; say when it ends")]
    Endless,
    #[error("{found} is not a text; put it in quotes")]
    NotText { found: String },
    #[error("{found} is not a whole number; write one without quotes and decimals")]
    NotWhole { found: String },
    #[error("{found} is neither true nor false; write one of them")]
    NotYesOrNo { found: String },
    #[error("{found} is not a list; put it in […]")]
    NotList { found: String },
    #[error("{found} is not an object; write {{…}} with its fields")]
    NotObject { found: String },
    #[error("holds none or several of {known}; write exactly one of them")]
    NotOneForm { known: String },
    #[error("{found:?} is none of {known}; choose one of these")]
    NotOneOf { found: String, known: String },
    #[error("not a rule id; use 3 to 64 lower-case letters and digits, with single hyphens between them")]
    NotAnId,
    #[error("not a text of 1 to {most} characters without blank ends and control characters; shorten or clean it")]
    BadText { most: usize },
    #[error("not between {least} and {most}; choose a number in between")]
    OutOfRange { least: u32, most: u32 },
    #[error("not above zero; write a larger amount")]
    NotPositive,
    #[error("more than {most} items; split the rule")]
    TooManyItems { most: usize },
    #[error("an empty list; name at least one")]
    EmptyList,
    #[error("names nothing; fill at least one of {known}")]
    NamesNothing { known: &'static str },
    #[error("can be nothing but true; leave it out or put it under \"not\"")]
    NotTrue,
    #[error("nested deeper than {most}; flatten the condition")]
    TooDeep { most: usize },
    #[error("more than {most} conditions; split the rule")]
    TooManyConditions { most: usize },
    #[error("not after valid_from; choose a later end")]
    EndsBeforeStart,
    #[error("more than {years} years after valid_from; choose an earlier end")]
    TooLong { years: i64 },
    #[error("can never hold; remove it or change what is under it")]
    NeverHolds,
    #[error("cannot hold together with {other}; change or remove one of them")]
    Contradicts { other: String },
    #[error("{reduce} is as much as the {trigger} that triggers it; reduce less")]
    ReducesAll { reduce: Money, trigger: Money },
    #[error("not above the step before, from {before}; let both the amount and the reduction rise")]
    NotRising { before: Money },
    #[error("less than one reduction of {reduce}; raise the limit")]
    LimitTooLow { reduce: Money },
    #[error("does not fit a rule of type {kind}; use {fitting}")]
    DoesNotFit { kind: RuleKind, fitting: &'static str },
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Time(#[from] InvalidTime),
}

impl Problem {
    fn zh(&self) -> String {
        match self {
            Self::TooLarge { most } => format!("文档超过 {most} 字节，请拆分规则"),
            Self::Malformed { line, column, .. } => {
                format!("第 {line} 行第 {column} 列不是合法的 JSON，请检查该处的括号、逗号、引号和重复的字段")
            }
            Self::GivenTwice => "重复出现，请只保留一个".to_owned(),
            Self::UnknownField { known } => format!("此处没有这个字段，可用的有 {known}"),
            Self::Missing => "缺失，请补上".to_owned(),
            Self::Endless => "不接受永不结束的规则，请写明结束时间".to_owned(),
            Self::NotText { found } => format!("{found} 不是文本，请加上引号"),
            Self::NotWhole { found } => format!("{found} 不是整数，请写整数，不带引号和小数"),
            Self::NotYesOrNo { found } => format!("{found} 不是 true 或 false，请写其中之一"),
            Self::NotList { found } => format!("{found} 不是列表，请放进 […]"),
            Self::NotObject { found } => format!("{found} 不是对象，请写成带字段的 {{…}}"),
            Self::NotOneForm { known } => format!("必须且只能写 {known} 其中之一"),
            Self::NotOneOf { found, known } => format!("{found:?} 不在可选值之中，请从 {known} 中选择"),
            Self::NotAnId => "不是规则编号，请用 3 到 64 个小写字母和数字，中间可用单个连字符".to_owned(),
            Self::BadText { most } => format!("应为 1 到 {most} 个字符，首尾无空白且不含控制字符，请缩短或清理"),
            Self::OutOfRange { least, most } => format!("应在 {least} 到 {most} 之间，请改正"),
            Self::NotPositive => "必须大于零，请改大".to_owned(),
            Self::TooManyItems { most } => format!("超过 {most} 项，请拆分规则"),
            Self::EmptyList => "列表为空，请至少写一项".to_owned(),
            Self::NamesNothing { known } => format!("没有指明任何对象，请至少填写 {known} 之一"),
            Self::NotTrue => "只能写 true；不需要请删去，要相反的意思请放进 \"not\"".to_owned(),
            Self::TooDeep { most } => format!("嵌套超过 {most} 层，请简化条件"),
            Self::TooManyConditions { most } => format!("条件超过 {most} 个，请拆分规则"),
            Self::EndsBeforeStart => "不晚于 valid_from，请改成更晚的时间".to_owned(),
            Self::TooLong { years } => format!("距 valid_from 超过 {years} 年，请改成更早的时间"),
            Self::NeverHolds => "永远不可能成立，请删去或修改其内容".to_owned(),
            Self::Contradicts { other } => format!("与 {other} 不可能同时成立，请修改或删去其一"),
            Self::ReducesAll { reduce, trigger } => format!("减 {reduce} 不低于触发金额 {trigger}，请减少优惠"),
            Self::NotRising { before } => format!("没有高于上一档 {before}，门槛和优惠都应逐档升高"),
            Self::LimitTooLow { reduce } => format!("低于一次优惠 {reduce}，请提高上限"),
            Self::DoesNotFit { kind, fitting } => format!("与规则类型 {kind} 不符，请使用 {fitting}"),
            Self::Money(error) => error.zh(),
            Self::Time(error) => error.zh(),
        }
    }
}

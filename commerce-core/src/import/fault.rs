//! What can be wrong with a row, in the merchant's language.

use crate::error::Language;
use crate::money::{Money, MoneyError};
use crate::time::InvalidTime;

/// One thing that is wrong with one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRow {
    /// As a text editor counts, the heading being line 1 of a CSV file.
    pub line: u64,
    /// Empty where the row as a whole cannot be read.
    pub field: String,
    pub fault: RowFault,
}

impl BadRow {
    pub fn reason(&self, language: Language) -> String {
        match language {
            Language::Chinese => self.fault.zh(),
            Language::English => self.fault.to_string(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    #[error("is empty")]
    Empty,
    #[error("has more than {most} characters")]
    TooLong { most: usize },
    #[error("contains control characters")]
    ControlCharacters,
    #[error("may hold letters, digits and -_./+ only")]
    NotACode,
    #[error("is negative")]
    Negative,
    #[error("is at least 1")]
    BelowOne,
    #[error("{text} is not a whole number that can stand here")]
    NotANumber { text: String },
    #[error("{text:?} is none of {known}")]
    NotOneOf { text: String, known: &'static str },
    #[error("is not of the form key=value;key=value with each key once, nor a JSON object of texts")]
    NotLabels,
    #[error("is not of the form SKU*2;SKU*1 with each SKU once")]
    NotComponents,
    #[error("is not a day of the form 2026-10-08")]
    NotADay,
    #[error("is not a phone number")]
    NotAPhone,
    #[error("is masked; export with personal data to import again")]
    Masked,
    #[error("there is no {} {code}", what.en())]
    Unknown { what: Thing, code: String },
    #[error("{sku} has no batch {batch}")]
    NoSuchBatch { sku: String, batch: String },
    #[error("{code} is in the file twice")]
    Twice { code: String },
    #[error("{code} belongs to another product")]
    OtherProduct { code: String },
    #[error("the columns of {code} differ from those in line {line}")]
    Differs { code: String, line: u64 },
    #[error("{code} is a bundle itself")]
    BundleOfBundles { code: String },
    #[error("{price} is below the floor price of {floor}")]
    BelowFloor { price: Money, floor: Money },
    #[error("is not after valid_from")]
    EndsBeforeStart,
    #[error("is in the past")]
    InThePast,
    #[error("is less than what orders have been promised")]
    Promised,
    #[error("{total} is not goods {goods} − discount + freight (+ tax)")]
    NotTheSum { total: Money, goods: Money },
    #[error("has {have} cells instead of {want}; is a comma or a quote missing?")]
    CellCount { have: usize, want: usize },
    #[error("there is no field {name:?}")]
    UnknownField { name: String },
    #[error("is not a JSON object: {why}")]
    NotJson { why: String },
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Time(#[from] InvalidTime),
}

/// What a row can point to that is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thing {
    Activity,
    Category,
    Customer,
    Sku,
    Warehouse,
}

impl Thing {
    fn en(self) -> &'static str {
        match self {
            Self::Activity => "activity",
            Self::Category => "category",
            Self::Customer => "customer",
            Self::Sku => "SKU",
            Self::Warehouse => "warehouse",
        }
    }

    fn zh(self) -> &'static str {
        match self {
            Self::Activity => "活动",
            Self::Category => "类目",
            Self::Customer => "顾客",
            Self::Sku => "SKU",
            Self::Warehouse => "仓库",
        }
    }
}

impl RowFault {
    pub(super) fn unknown(what: Thing, code: &str) -> Self {
        Self::Unknown { what, code: code.to_owned() }
    }

    fn zh(&self) -> String {
        use crate::error::Failure;
        match self {
            Self::Empty => "不能为空".to_owned(),
            Self::TooLong { most } => format!("超过 {most} 个字符"),
            Self::ControlCharacters => "含有控制字符".to_owned(),
            Self::NotACode => "只能包含文字、数字和 -_./+".to_owned(),
            Self::Negative => "不能为负数".to_owned(),
            Self::BelowOne => "至少为 1".to_owned(),
            Self::NotANumber { text } => format!("{text} 不是此处可用的整数"),
            Self::NotOneOf { text, known } => format!("{text:?} 不在可选值之中：{known}"),
            Self::NotLabels => "应写成 键=值;键=值（键不重复），或 JSON 对象".to_owned(),
            Self::NotComponents => "应写成 SKU*2;SKU*1，且每个 SKU 只出现一次".to_owned(),
            Self::NotADay => "应写成 2026-10-08 这样的日期".to_owned(),
            Self::NotAPhone => "不是电话号码".to_owned(),
            Self::Masked => "是脱敏数据；如需重新导入，请导出完整的个人信息".to_owned(),
            Self::Unknown { what, code } => format!("没有{} {code}", what.zh()),
            Self::NoSuchBatch { sku, batch } => format!("{sku} 没有批次 {batch}"),
            Self::Twice { code } => format!("{code} 在文件中重复出现"),
            Self::OtherProduct { code } => format!("{code} 属于另一个商品"),
            Self::Differs { code, line } => format!("{code} 的各列与第 {line} 行不一致"),
            Self::BundleOfBundles { code } => format!("{code} 本身就是组合商品"),
            Self::BelowFloor { price, floor } => format!("{price} 低于底价 {floor}"),
            Self::EndsBeforeStart => "不晚于 valid_from".to_owned(),
            Self::InThePast => "已经过去".to_owned(),
            Self::Promised => "少于已被订单占用的数量".to_owned(),
            Self::NotTheSum { total, goods } => format!("{total} 不等于 商品 {goods} − 优惠 + 运费（+ 税）"),
            Self::CellCount { have, want } => format!("有 {have} 个单元格，应为 {want} 个；是否缺少逗号或引号？"),
            Self::UnknownField { name } => format!("没有字段 {name:?}"),
            Self::NotJson { why } => format!("不是 JSON 对象：{why}"),
            Self::Money(error) => error.zh(),
            Self::Time(error) => error.zh(),
        }
    }
}

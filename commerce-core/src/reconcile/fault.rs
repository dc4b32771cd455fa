//! Why a statement cannot be read, in the words of whoever has to see to it.

use crate::error::{Code, Failure, Kind, Language};
use crate::money::{Money, MoneyError};
use crate::time::InvalidTime;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("the statement is empty; download it from the channel again")]
    Empty,
    #[error("line {line} is not {charset}; save the file as UTF-8, or name its encoding in the format")]
    Encoding { charset: &'static str, line: usize },
    #[error("the statement has no column {}; it has {}; put its own names into the format", missing.join(", "), found.join(", "))]
    MissingColumns { missing: Vec<String>, found: Vec<String> },
    #[error("the statement has the column {column:?} twice; remove or rename one of them")]
    DoubleColumn { column: String },
    #[error(
        "{total} faults, so nothing was taken in{}; correct the file or the format and send it again",
        listed.first().map(|fault| format!("; line {}, {}: {}", fault.line, fault.column, fault.problem)).unwrap_or_default()
    )]
    Rows { listed: Vec<RowFault>, total: usize },
    #[error("the statement's format cannot be used: {0}")]
    BadFormat(#[from] FormatFault),
}

impl Failure for StatementError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn code(&self) -> Code {
        match self {
            Self::Rows { .. } => Code::StatementRejected,
            Self::Empty
            | Self::Encoding { .. }
            | Self::MissingColumns { .. }
            | Self::DoubleColumn { .. }
            | Self::BadFormat(_) => Code::UnreadableFile,
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::Empty => "账单为空，请从渠道重新下载".to_owned(),
            Self::Encoding { charset, line } => {
                format!("第 {line} 行不是 {charset} 编码，请另存为 UTF-8，或在账单格式中注明编码")
            }
            Self::MissingColumns { missing, found } => {
                format!("账单缺少列 {}；现有列：{}；请在账单格式中填写实际列名", missing.join("、"), found.join("、"))
            }
            Self::DoubleColumn { column } => format!("账单中列 {column:?} 重复，请删除或重命名其中一列"),
            Self::Rows { listed, total } => {
                let first = listed.first().map(|fault| {
                    format!("；第 {} 行 {}：{}", fault.line, fault.column, fault.reason(Language::Chinese))
                });
                format!("共有 {total} 处错误，未导入任何数据{}；请更正文件或格式后重新导入", first.unwrap_or_default())
            }
            Self::BadFormat(fault) => format!("账单格式不可用：{}", fault.zh()),
        }
    }
}

/// What is wrong with the description of the file, whatever the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FormatFault {
    #[error("{0:?} cannot part columns; use a comma, a tab or another single sign")]
    Delimiter(char),
    #[error("no word stands for a payment, refund or adjustment; list those of the file under kinds")]
    NoKinds,
    #[error("name the currency column or a default_currency")]
    NoCurrency,
    #[error("local times need utc_offset_minutes between -1439 and 1439, such as 480 for Beijing")]
    NoOffset,
}

impl FormatFault {
    fn zh(&self) -> String {
        match self {
            Self::Delimiter(sign) => format!("{sign:?} 不能用作列分隔符，请使用逗号、制表符或其他单个字符"),
            Self::NoKinds => "未说明哪些词表示支付、退款或调账，请在 kinds 中列出".to_owned(),
            Self::NoCurrency => "请指定币种列或 default_currency".to_owned(),
            Self::NoOffset => "本地时间需要 utc_offset_minutes（-1439 至 1439，北京时间为 480）".to_owned(),
        }
    }
}

/// One thing that is wrong with one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowFault {
    /// As a text editor counts.
    pub line: u32,
    /// The file's own name; empty where the row as a whole cannot be read.
    pub column: String,
    pub problem: RowProblem,
}

impl RowFault {
    pub fn reason(&self, language: Language) -> String {
        match language {
            Language::Chinese => self.problem.zh(),
            Language::English => self.problem.to_string(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowProblem {
    #[error("is empty")]
    Empty,
    #[error("has more than {most} characters")]
    TooLong { most: usize },
    #[error("contains control characters")]
    ControlCharacters,
    #[error("has {have} cells instead of {want}; is a delimiter or a quote missing?")]
    CellCount { have: usize, want: usize },
    #[error("runs over several lines; is a quote left open?")]
    OpenQuote,
    #[error("{text:?} is none of {known}; if it should be, add it to kinds")]
    UnknownKind { text: String, known: String },
    #[error("has neither our number nor the channel's")]
    NoNumber,
    #[error("{text:?} is not a whole number of minor units; should amount_unit be major?")]
    NotMinorUnits { text: String },
    #[error("{amount} has the wrong sign; a refund has the one that refund_sign says, a payment is positive")]
    WrongSign { amount: Money },
    #[error("{text:?} is not a local time; write it like 2026-11-21 08:00:00")]
    NotLocalTime { text: String },
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Time(#[from] InvalidTime),
}

impl RowProblem {
    fn zh(&self) -> String {
        match self {
            Self::Empty => "不能为空".to_owned(),
            Self::TooLong { most } => format!("超过 {most} 个字符"),
            Self::ControlCharacters => "含有控制字符".to_owned(),
            Self::CellCount { have, want } => format!("有 {have} 个单元格，应为 {want} 个；是否缺少分隔符或引号？"),
            Self::OpenQuote => "跨越多行，是否有未闭合的引号？".to_owned(),
            Self::UnknownKind { text, known } => format!("{text:?} 不在 {known} 之中，如属有效类型请加入 kinds"),
            Self::NoNumber => "既没有我方单号也没有渠道单号".to_owned(),
            Self::NotMinorUnits { text } => {
                format!("{text:?} 不是以最小货币单位表示的整数，amount_unit 是否应为 major？")
            }
            Self::WrongSign { amount } => format!("{amount} 的正负号不对：退款以 refund_sign 为准，支付应为正数"),
            Self::NotLocalTime { text } => format!("{text:?} 不是本地时间，请写成 2026-11-21 08:00:00 这样的形式"),
            Self::Money(error) => error.zh(),
            Self::Time(error) => error.zh(),
        }
    }
}

//! What a statement looks like: every channel has columns and words of its own.

use super::{FormatFault, RowKind};
use crate::money::Currency;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a channel's statement looks like. Kept as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StatementFormat {
    #[serde(default)]
    pub encoding: Charset,
    #[serde(default = "comma")]
    pub delimiter: char,
    /// Lines before the heading.
    #[serde(default)]
    pub skip_rows: usize,
    /// Lines that begin so say nothing.
    pub comment: Option<String>,
    /// From the first line on that begins so there are totals, no rows.
    pub footer: Option<String>,
    pub columns: StatementColumns,
    /// Where there is no currency column, or nothing in it.
    pub default_currency: Option<Currency>,
    /// The file's words: `{"支付": "payment"}`.
    pub kinds: BTreeMap<String, RowKind>,
    pub amount_unit: AmountUnit,
    pub refund_sign: RefundSign,
    pub time_format: TimeFormat,
    /// For [`TimeFormat::Local`]; 480 is Beijing.
    pub utc_offset_minutes: Option<i32>,
}

/// The headings under which a statement keeps what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StatementColumns {
    pub our_no: String,
    pub channel_no: String,
    pub kind: String,
    pub amount: String,
    pub fee: Option<String>,
    pub currency: Option<String>,
    pub time: String,
    pub reference: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
pub enum Charset {
    /// By the byte order mark, else UTF-8 if it is that, else GBK.
    #[default]
    #[serde(rename = "auto")]
    Auto,
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "gbk")]
    Gbk,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AmountUnit {
    /// `59.90`
    Major,
    /// `5990`
    Minor,
}

/// How the file writes the amount of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundSign {
    Positive,
    Negative,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeFormat {
    Rfc3339,
    /// `2026-11-21 08:00:00`
    Local,
}

fn comma() -> char {
    ','
}

impl StatementColumns {
    /// The names of those a file has to have.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        let needed = [&self.our_no, &self.channel_no, &self.kind, &self.amount, &self.time];
        let chosen = [&self.fee, &self.currency, &self.reference];
        needed.into_iter().chain(chosen.into_iter().flatten()).map(String::as_str)
    }
}

impl StatementFormat {
    /// What the sandbox channel sends.
    pub fn sandbox() -> Self {
        let kinds = [
            ("PAYMENT", RowKind::Payment),
            ("REFUND", RowKind::Refund),
            ("CHARGEBACK", RowKind::Refund),
            ("ADJUSTMENT", RowKind::Adjustment),
        ];
        Self {
            encoding: Charset::Utf8,
            delimiter: ',',
            skip_rows: 0,
            comment: Some("#".to_owned()),
            footer: None,
            columns: StatementColumns {
                our_no: "merchant_order_no".to_owned(),
                channel_no: "channel_no".to_owned(),
                kind: "type".to_owned(),
                amount: "amount".to_owned(),
                fee: Some("fee".to_owned()),
                currency: Some("currency".to_owned()),
                time: "completed_at".to_owned(),
                reference: Some("batch_no".to_owned()),
            },
            default_currency: None,
            kinds: kinds.map(|(word, kind)| (word.to_owned(), kind)).into(),
            amount_unit: AmountUnit::Major,
            refund_sign: RefundSign::Positive,
            time_format: TimeFormat::Rfc3339,
            utc_offset_minutes: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), FormatFault> {
        let offset_is_known = self.utc_offset_minutes.is_some_and(|minutes| minutes.abs() < 24 * 60);
        if !self.delimiter.is_ascii() || "\"\r\n".contains(self.delimiter) {
            Err(FormatFault::Delimiter(self.delimiter))
        } else if self.kinds.is_empty() {
            Err(FormatFault::NoKinds)
        } else if self.columns.currency.is_none() && self.default_currency.is_none() {
            Err(FormatFault::NoCurrency)
        } else if self.time_format == TimeFormat::Local && !offset_is_known {
            Err(FormatFault::NoOffset)
        } else {
            Ok(())
        }
    }
}

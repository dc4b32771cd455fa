//! A difference as people work on it.

use super::{Mismatch, RowKind, StatementError};
use crate::caller::NotAllowed;
use crate::error::{Code, Failure, Kind};
use crate::id::{Entity, Id};
use crate::ledger::LedgerError;
use crate::money::Money;
use crate::payment::PaymentError;
use crate::store::StoreError;
use crate::time::Timestamp;

/// A difference between a statement and our books, until somebody has settled it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ticket {
    pub id: TicketId,
    pub channel: String,
    /// The same difference, found again, has the same key.
    pub key: String,
    /// The day it is about, as `20261121`.
    pub day: String,
    pub reason: Mismatch,
    pub kind: RowKind,
    pub expected_amount: Option<Money>,
    pub actual_amount: Option<Money>,
    /// The fees of each side, none where it is absent.
    pub expected_fee: Money,
    pub actual_fee: Money,
    /// Our payments and refunds.
    pub ours: Vec<String>,
    /// The fingerprints of the channel's rows.
    pub theirs: Vec<String>,
    pub assigned_to: String,
    pub status: TicketStatus,
    pub resolution: String,
    pub note: String,
    /// By when it is to be settled.
    pub due_at: Timestamp,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

pub type TicketId = Id<Ticket>;

impl Entity for Ticket {
    const PREFIX: &'static str = "dif";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum TicketStatus {
    Open,
    InProgress,
    Resolved,
}

/// How a difference is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum Resolution {
    /// The channel is right: our clearing account is brought to what it says, the amount against `differences`, the fee against
    /// `fees`.
    BookTheirs,
    /// We are right: the channel will correct its statement. Nothing is booked.
    TheirMistake,
    /// It was settled elsewhere, as the note says. Nothing is booked.
    SettledElsewhere,
    /// A later statement brought what was missing.
    Cleared,
    /// It is another difference by now, which has its own ticket.
    Superseded,
    /// It was booked as the channel said, and booked back since, because a later statement says otherwise.
    Undone,
}

impl Ticket {
    /// What the clearing account is to receive (above zero) or give (below) so that it holds what the channel says: of the
    /// amount, and of the fee.
    pub fn correction(&self) -> Result<[Money; 2], ReconcileError> {
        let amount = match (self.reason, self.expected_amount, self.actual_amount) {
            (Mismatch::Currency, ..) | (_, None, None) => return Err(ReconcileError::NothingToBook),
            // The amounts agree.
            (Mismatch::Fee, ..) => Money::zero(self.expected_fee.currency()),
            (_, Some(ours), Some(theirs)) => theirs.checked_sub(ours)?,
            (_, None, Some(theirs)) => theirs,
            (_, Some(ours), None) => ours.negate()?,
        };
        let amount = if self.kind == RowKind::Refund { amount.negate()? } else { amount };
        // A fee leaves the account.
        Ok([amount, self.expected_fee.checked_sub(self.actual_fee)?])
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ReconcileError {
    #[error(transparent)]
    Statement(#[from] StatementError),
    #[error("there is no such difference, or it is settled already; look at the list of open ones")]
    UnknownDifference,
    #[error("this difference cannot be booked by itself; settle it elsewhere and say how in the note")]
    NothingToBook,
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    #[error(transparent)]
    Payment(#[from] PaymentError),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<crate::money::MoneyError> for ReconcileError {
    fn from(error: crate::money::MoneyError) -> Self {
        Self::Ledger(error.into())
    }
}

impl Failure for ReconcileError {
    fn kind(&self) -> Kind {
        match self {
            Self::Statement(error) => error.kind(),
            Self::UnknownDifference => Kind::NotFound,
            Self::NothingToBook => Kind::Conflict,
            Self::NotAllowed(error) => error.kind(),
            Self::Payment(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Statement(error) => error.code(),
            Self::UnknownDifference | Self::NothingToBook => Code::UnknownDifference,
            Self::NotAllowed(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::Statement(error) => error.zh(),
            Self::UnknownDifference => "没有这条差异，或已处理，请查看待处理列表".to_owned(),
            Self::NothingToBook => "该差异无法自动入账，请在别处处理并在备注中说明".to_owned(),
            Self::NotAllowed(error) => error.zh(),
            Self::Payment(error) => error.zh(),
            Self::Ledger(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

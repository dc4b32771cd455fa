//! The books: accounts, and transfers between two of them.
//!
//! A transfer takes from one account what it gives to another, so every currency sums to zero whatever is booked. Rows are
//! only ever added: what was wrong is put right by another transfer. Money that is promised but not moved yet is *pending*;
//! the pending transfer ends once, by being posted (whole or in part), voided, or expired.

pub mod merkle;
pub mod seal;

use crate::error::{Code, Failure, Kind};
use crate::id::{Entity, Id};
use crate::money::{Currency, Money, MoneyError};
use crate::store::StoreError;
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};
use std::fmt;

/// An account by what it is for: `gift_card:gft_0190…`. In which currency, the amount says that moves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    pub kind: AccountKind,
    /// Whose it is: a channel's code, a customer, a gift card; empty for the shop's own.
    pub owner: String,
}

/// The chart of accounts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, strum::Display, strum::EnumString, strum::EnumIter,
)]
#[strum(serialize_all = "snake_case")]
pub enum AccountKind {
    /// What a payment channel holds for the shop.
    Clearing,
    /// What the channels have paid out.
    Bank,
    /// What channels charge.
    Fees,
    /// What gifts, coupons and points cost the shop.
    Promotion,
    /// Differences found at reconciliation and written off.
    Differences,
    /// What shoppers paid and no order has earned yet.
    Deposits,
    /// What the shop has earned.
    Merchant,
    /// What the platform has earned on the shop.
    Platform,
    /// A shopper's credit with the shop.
    Shopper,
    GiftCard,
    /// Money set aside while something is decided: a dispute, a commission.
    Frozen,
    /// A shopper's points, in a currency of their own.
    Points,
    /// What coupons that were sold still owe their owners.
    Coupons,
}

/// On which side an account usually stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Debit,
    Credit,
}

/// Which side may not outgrow the other, pending amounts counted as if they were posted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum MaxSide {
    None,
    Debits,
    Credits,
}

impl AccountKind {
    pub fn side(self) -> Side {
        match self {
            Self::Clearing | Self::Bank | Self::Fees | Self::Promotion | Self::Differences => Side::Debit,
            _ => Side::Credit,
        }
    }

    /// Nobody can spend what is not on their account. The shop's own accounts may be overdrawn: a refund must not fail
    /// because the earnings were paid out.
    pub fn max_side(self) -> MaxSide {
        match self {
            Self::Deposits | Self::Shopper | Self::GiftCard | Self::Frozen | Self::Points | Self::Coupons => {
                MaxSide::Debits
            }
            _ => MaxSide::None,
        }
    }

    /// The account of this kind that belongs to `owner`.
    pub fn of(self, owner: impl ToString) -> Account {
        Account { kind: self, owner: owner.to_string() }
    }

    /// The shop's only account of this kind.
    pub fn own(self) -> Account {
        self.of("")
    }
}

/// `clearing:wechat`
impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.owner.as_str() {
            "" => write!(f, "{}", self.kind),
            owner => write!(f, "{}:{owner}", self.kind),
        }
    }
}

impl std::str::FromStr for Account {
    type Err = LedgerError;

    fn from_str(text: &str) -> Result<Self, LedgerError> {
        let (kind, owner) = text.split_once(':').unwrap_or((text, ""));
        let kind: AccountKind =
            kind.parse().map_err(|_| LedgerError::UnknownAccount { account: text.chars().take(80).collect() })?;
        Ok(kind.of(owner))
    }
}

pub type AccountId = Id<Account>;

impl Entity for Account {
    const PREFIX: &'static str = "acc";
}

impl Account {
    pub fn id(&self, tenant: TenantId, currency: Currency) -> AccountId {
        Id::derived(&tenant.to_string(), &format!("{self}/{currency}"))
    }

    /// What seals cover of an account: everything but its balance, which its transfers add up to.
    pub fn digest(&self, tenant: TenantId, currency: Currency) -> String {
        digest(&json!([
            "account",
            self.id(tenant, currency),
            tenant,
            self.kind.to_string(),
            self.owner,
            currency,
            self.kind.max_side().to_string()
        ]))
    }
}

/// The four sums of an account, in minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub debits_pending: i64,
    pub debits_posted: i64,
    pub credits_pending: i64,
    pub credits_posted: i64,
}

impl Sums {
    /// What stands on the account, positive on its usual side.
    pub fn balance(self, side: Side) -> i64 {
        match side {
            Side::Debit => self.debits_posted - self.credits_posted,
            Side::Credit => self.credits_posted - self.debits_posted,
        }
    }

    /// What can be taken from it: pending amounts are as good as gone, pending receipts not here yet.
    pub fn available(self, side: Side) -> i64 {
        match side {
            Side::Debit => self.balance(side) - self.credits_pending,
            Side::Credit => self.balance(side) - self.debits_pending,
        }
    }

    /// Whether they are within a limit.
    pub(crate) fn keep(self, max_side: MaxSide) -> bool {
        let within = |pending: i64, posted, limit| pending.checked_add(posted).is_some_and(|sum| sum <= limit);
        match max_side {
            MaxSide::None => true,
            MaxSide::Debits => within(self.debits_pending, self.debits_posted, self.credits_posted),
            MaxSide::Credits => within(self.credits_pending, self.credits_posted, self.debits_posted),
        }
    }

    pub(crate) fn add(&mut self, other: Self) -> Result<(), MoneyError> {
        let sum = |a: i64, b: i64| a.checked_add(b).ok_or(MoneyError::Overflow);
        self.debits_pending = sum(self.debits_pending, other.debits_pending)?;
        self.debits_posted = sum(self.debits_posted, other.debits_posted)?;
        self.credits_pending = sum(self.credits_pending, other.credits_pending)?;
        self.credits_posted = sum(self.credits_posted, other.credits_posted)?;
        Ok(())
    }
}

/// An account as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Balance {
    pub id: AccountId,
    pub account: Account,
    pub currency: Currency,
    pub sums: Sums,
}

impl Balance {
    pub fn posted(&self) -> Money {
        Money::from_minor(self.sums.balance(self.account.kind.side()), self.currency)
    }

    pub fn available(&self) -> Money {
        Money::from_minor(self.sums.available(self.account.kind.side()), self.currency)
    }
}

/// Money that moves, or is set aside to move, from `debit` to `credit`.
#[derive(Clone, Debug, PartialEq)]
pub struct Transfer {
    /// Made by whoever asks for the transfer: the same id never moves money twice.
    pub id: TransferId,
    pub phase: Phase,
    pub debit: Account,
    pub credit: Account,
    pub amount: Money,
    pub purpose: Purpose,
    /// What it is about: a payment, a refund, a gift card.
    pub subject: String,
    pub at: Timestamp,
}

pub type TransferId = Id<Transfer>;

impl Entity for Transfer {
    const PREFIX: &'static str = "tfr";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Single,
    /// Sets the amount aside, until `expires_at` if that is given.
    Pending {
        expires_at: Option<Timestamp>,
    },
    /// Moves the amount of the pending transfer, or a part of it; the rest is free again.
    Post {
        pending: TransferId,
        reserved: Money,
    },
    Void {
        pending: TransferId,
    },
    Expire {
        pending: TransferId,
    },
}

impl Phase {
    pub fn name(self) -> &'static str {
        match self {
            Self::Single => "SINGLE",
            Self::Pending { .. } => "PENDING",
            Self::Post { .. } => "POST",
            Self::Void { .. } => "VOID",
            Self::Expire { .. } => "EXPIRE",
        }
    }

    /// The pending transfer that ends here.
    pub fn ends(self) -> Option<TransferId> {
        match self {
            Self::Post { pending, .. } | Self::Void { pending } | Self::Expire { pending } => Some(pending),
            Self::Single | Self::Pending { .. } => None,
        }
    }
}

/// Why money moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display, strum::EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum Purpose {
    /// A channel took a shopper's money.
    Capture,
    /// A gift card is to pay, once the rest of the order is paid.
    Authorise,
    /// An order earned what was paid for it.
    Earn,
    Fee,
    FeeReturned,
    Refund,
    GiftCardIssued,
    Compensation,
    Dispute,
    /// A channel paid out what it held.
    PayOut,
    /// A difference found at reconciliation.
    Difference,
    /// Entered by hand.
    Manual,
}

impl Purpose {
    /// Whether transfers of this purpose belong to payments and refunds and are booked with them alone.
    pub fn belongs_to_payments(self) -> bool {
        matches!(self, Self::Capture | Self::Authorise | Self::Earn | Self::Fee | Self::FeeReturned | Self::Refund)
    }
}

/// What one transfer moves at most, in minor units: ten trillion yuan.
const MOST_AT_ONCE: i64 = 1_000_000_000_000_000;

impl Transfer {
    pub fn single(id: TransferId, debit: Account, credit: Account, amount: Money, purpose: Purpose) -> Self {
        Self {
            id,
            phase: Phase::Single,
            debit,
            credit,
            amount,
            purpose,
            subject: String::new(),
            at: Timestamp::from_micros(0),
        }
    }

    pub fn about(self, subject: impl ToString, at: Timestamp) -> Self {
        Self { subject: subject.to_string(), at, ..self }
    }

    pub fn pending(self, expires_at: Option<Timestamp>) -> Self {
        Self { phase: Phase::Pending { expires_at }, ..self }
    }

    /// The transfer that posts all of this pending one.
    pub fn posted(&self, at: Timestamp) -> Self {
        let phase = Phase::Post { pending: self.id, reserved: self.amount };
        Self { id: Id::following(self.id, "post"), phase, at, ..self.clone() }
    }

    /// The transfer that gives this pending one up.
    pub fn voided(&self, at: Timestamp) -> Self {
        Self { id: Id::following(self.id, "void"), phase: Phase::Void { pending: self.id }, at, ..self.clone() }
    }

    /// What can be seen to be wrong without the database. Amounts stay far below what an account can hold: SQLite goes on
    /// with a fraction where a sum is too large for it.
    pub(crate) fn check(&self) -> Result<(), LedgerError> {
        if self.amount.minor() <= 0 {
            return Err(LedgerError::NothingToMove { amount: self.amount });
        }
        if self.amount.minor() > MOST_AT_ONCE || self.reserved() > MOST_AT_ONCE {
            return Err(MoneyError::Overflow.into());
        }
        if self.debit == self.credit {
            return Err(LedgerError::SameAccount { account: self.debit.clone() });
        }
        if let Phase::Post { reserved, .. } = self.phase
            && self.amount.minor() > reserved.minor()
        {
            return Err(LedgerError::MoreThanPending { reserved, amount: self.amount });
        }
        Ok(())
    }

    /// How much the pending transfer that ends here had set aside.
    pub(crate) fn reserved(&self) -> i64 {
        match self.phase {
            Phase::Post { reserved, .. } => reserved.minor(),
            Phase::Void { .. } | Phase::Expire { .. } => self.amount.minor(),
            Phase::Single | Phase::Pending { .. } => 0,
        }
    }

    pub(crate) fn expires_at(&self) -> i64 {
        match self.phase {
            Phase::Pending { expires_at: Some(time) } => time.micros(),
            _ => 0,
        }
    }

    /// What this transfer adds to (the first) the account it takes from and (the second) the account it gives to.
    pub(crate) fn effect(&self) -> (Sums, Sums) {
        let amount = self.amount.minor();
        let (pending, posted) = match self.phase {
            Phase::Single => (0, amount),
            Phase::Pending { .. } => (amount, 0),
            Phase::Post { reserved, .. } => (-reserved.minor(), amount),
            Phase::Void { .. } | Phase::Expire { .. } => (-amount, 0),
        };
        (
            Sums { debits_pending: pending, debits_posted: posted, ..Sums::default() },
            Sums { credits_pending: pending, credits_posted: posted, ..Sums::default() },
        )
    }

    /// What seals cover of a transfer: every column of its row.
    pub fn digest(&self, tenant: TenantId) -> String {
        let currency = self.amount.currency();
        digest(&json!([
            "transfer",
            self.id,
            tenant,
            self.phase.name(),
            self.debit.id(tenant, currency),
            self.credit.id(tenant, currency),
            currency,
            self.amount.minor(),
            self.purpose.to_string(),
            self.subject,
            self.phase.ends(),
            self.reserved(),
            self.expires_at(),
            self.at.micros()
        ]))
    }

    /// Whether both ask for the same, whenever they were asked.
    pub(crate) fn asks_the_same(&self, other: &Self) -> bool {
        Self { at: other.at, ..self.clone() } == *other
    }
}

/// [`Transfer::digest`] of a row as the database has it, whether or not it makes sense.
impl crate::store::RawTransfer {
    pub(crate) fn digest_now(&self, tenant: TenantId) -> String {
        let ends = Some(&self.pending).filter(|pending| !pending.is_empty());
        digest(&json!([
            "transfer",
            self.id,
            tenant,
            self.phase,
            self.debit,
            self.credit,
            self.currency,
            self.amount,
            self.purpose,
            self.subject,
            ends,
            self.reserved,
            self.expires_at,
            self.at
        ]))
    }
}

/// JSON keeps the fields apart, so that no two rows have one text.
fn digest(row: &serde_json::Value) -> String {
    hex(&Sha256::digest(row.to_string()))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes written as [`hex`] does; nothing else.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let pair = |i| u8::from_str_radix(&text[i..i + 2], 16).ok();
    if is_hex { (0..text.len()).step_by(2).map(pair).collect() } else { None }
}

/// A line of an account's statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub transfer: TransferId,
    pub at: Timestamp,
    pub phase: String,
    pub purpose: Purpose,
    pub subject: String,
    pub other: Account,
    pub side: Side,
    pub amount: Money,
    /// The posted balance after this line, positive on the account's usual side.
    pub balance: Money,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("{account} has not enough for this; choose a smaller amount or another way to pay")]
    InsufficientFunds { account: Account },
    #[error("transfer {id} was booked before with other contents; use a new id for a new transfer")]
    TransferConflict { id: TransferId },
    #[error("there is no open pending transfer {id} like this; it may have been posted, voided or expired already")]
    NotPending { id: TransferId },
    #[error("{reserved} were set aside, {amount} cannot be posted; post at most what is pending")]
    MoreThanPending { reserved: Money, amount: Money },
    #[error("{amount} is nothing to move; an amount is above zero")]
    NothingToMove { amount: Money },
    #[error("{account} cannot pay itself; name two accounts")]
    SameAccount { account: Account },
    #[error("{purpose} is booked by the shop itself, with what it is about; use manual")]
    ReservedPurpose { purpose: Purpose },
    #[error("there is no account {account:?}; accounts look like merchant or clearing:sandbox")]
    UnknownAccount { account: String },
    #[error("the seal over {size} entries is gone from the log; run `zhanggui verify` and seal nothing on top of this")]
    SealGone { size: u64 },
    #[error(transparent)]
    NotAllowed(#[from] crate::caller::NotAllowed),
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for LedgerError {
    fn kind(&self) -> Kind {
        match self {
            Self::InsufficientFunds { .. } => Kind::Exhausted,
            Self::TransferConflict { .. } | Self::NotPending { .. } => Kind::Conflict,
            Self::MoreThanPending { .. }
            | Self::NothingToMove { .. }
            | Self::SameAccount { .. }
            | Self::ReservedPurpose { .. } => Kind::Invalid,
            Self::UnknownAccount { .. } => Kind::NotFound,
            Self::SealGone { .. } => Kind::Internal,
            Self::NotAllowed(error) => error.kind(),
            Self::Money(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::InsufficientFunds { .. } => Code::InsufficientFunds,
            Self::TransferConflict { .. } => Code::TransferConflict,
            Self::NotPending { .. } => Code::NotPending,
            Self::MoreThanPending { .. }
            | Self::NothingToMove { .. }
            | Self::SameAccount { .. }
            | Self::ReservedPurpose { .. } => Code::InvalidTransfer,
            Self::UnknownAccount { .. } => Code::UnknownAccount,
            Self::SealGone { .. } => Code::BooksDisagree,
            Self::NotAllowed(error) => error.code(),
            Self::Money(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::InsufficientFunds { account } => format!("{account} 余额不足，请减少金额或更换支付方式"),
            Self::TransferConflict { id } => format!("转账 {id} 已以不同内容入账，新的转账请使用新的编号"),
            Self::NotPending { id } => format!("没有与之相符的待结转账 {id}，可能已入账、撤销或过期"),
            Self::MoreThanPending { reserved, amount } => {
                format!("只预留了 {reserved}，不能入账 {amount}，入账金额不得超过预留金额")
            }
            Self::NothingToMove { amount } => format!("{amount} 无法转账，金额必须大于零"),
            Self::SameAccount { account } => format!("{account} 不能转给自己，请填写两个账户"),
            Self::ReservedPurpose { purpose } => format!("{purpose} 由系统自动记账，手工转账请使用 manual"),
            Self::UnknownAccount { account } => {
                format!("没有账户 {account:?}，账户形如 merchant 或 clearing:sandbox")
            }
            Self::SealGone { size } => {
                format!("日志中缺少覆盖 {size} 条记录的封印，请运行 `zhanggui verify`，在此之前不要继续封存")
            }
            Self::NotAllowed(error) => error.zh(),
            Self::Money(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

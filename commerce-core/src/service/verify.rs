//! Verifying the books from the first entry: every row against its digest, every digest against the sealed log, every seal
//! against its key, every balance against its transfers. The key, and the newest seal known, come from outside the database:
//! what the database says of itself, whoever rules it can change throughout.

use super::Shop;
use crate::caller::Caller;
use crate::error::{Code, Failure, Kind};
use crate::ledger::merkle::{self, Peaks};
use crate::ledger::seal::Trusted;
use crate::ledger::{AccountKind, LedgerError, Sums, hex, unhex};
use crate::money::Currency;
use crate::permission::Permission;
use crate::store::{Conn, CrossCheck, RawAccount, RawTransfer, StoreError};
use crate::tenant::TenantId;
use std::collections::{BTreeMap, HashMap, HashSet};
use strum::IntoEnumIterator;

/// What was looked at, all of it in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub accounts: usize,
    pub transfers: usize,
    pub seals: usize,
    /// Entries under a seal.
    pub sealed: u64,
    /// Entries that the next seal will cover.
    pub unsealed: u64,
    /// The public key that made the seals.
    pub key: String,
}

/// The first thing found that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {subject}: found {found}, expected {expected}; {}", rule.meaning())]
pub struct Disagreement {
    pub rule: BookRule,
    pub subject: String,
    pub found: String,
    pub expected: String,
}

/// The rules the books keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "kebab-case")]
pub enum BookRule {
    FileIsWhole,
    EntriesStay,
    EntriesAreSealed,
    LogHasNoGap,
    RootsFit,
    SealsAreSigned,
    KeyIsTrusted,
    SealsStay,
    PendingEndsOnce,
    BalancesAreSums,
    CurrenciesSumToZero,
    LimitsHold,
    OrdersArePaid,
    PaymentsAreBooked,
    RefundsAreBooked,
}

impl BookRule {
    fn meaning(self) -> &'static str {
        match self {
            Self::FileIsWhole => "the database file is damaged; restore the last backup",
            Self::EntriesStay => "a row was changed or removed after it was written",
            Self::EntriesAreSealed => "a row is in the books and the log does not know it as it is",
            Self::LogHasNoGap => "leaves of the log were removed or renumbered",
            Self::RootsFit => "the entries are not those that were sealed",
            Self::SealsAreSigned => "a seal was changed or made without the key",
            Self::KeyIsTrusted => "somebody else sealed the books",
            Self::SealsStay => {
                "the newest seals were cut off or made anew, or an older copy of the database was restored"
            }
            Self::PendingEndsOnce => "a pending transfer and its end do not belong together",
            Self::BalancesAreSums => "an account does not hold what its transfers brought",
            Self::CurrenciesSumToZero => "money came from nowhere",
            Self::LimitsHold => "an account passed its limit",
            Self::OrdersArePaid => "an order and its payments do not say the same",
            Self::PaymentsAreBooked => "a payment and the books do not say the same",
            Self::RefundsAreBooked => "a refund and the books do not say the same",
        }
    }

    fn meaning_zh(self) -> &'static str {
        match self {
            Self::FileIsWhole => "数据库文件已损坏，请恢复最近的备份",
            Self::EntriesStay => "有记录在写入后被改动或删除",
            Self::EntriesAreSealed => "账中有一行与日志不符",
            Self::LogHasNoGap => "日志的叶子缺失或被重新编号",
            Self::RootsFit => "现有记录与封存时的记录不同",
            Self::SealsAreSigned => "封印被改动，或并非由密钥签出",
            Self::KeyIsTrusted => "账簿被另一把密钥封存",
            Self::SealsStay => "最新的封印被截去或重做，或数据库恢复成了较早的副本",
            Self::PendingEndsOnce => "待结转账与其结清记录不相符",
            Self::BalancesAreSums => "账户余额与其转账之和不符",
            Self::CurrenciesSumToZero => "借贷不平",
            Self::LimitsHold => "账户超出限额",
            Self::OrdersArePaid => "订单与其支付记录不一致",
            Self::PaymentsAreBooked => "支付记录与账簿不一致",
            Self::RefundsAreBooked => "退款记录与账簿不一致",
        }
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum VerifyError {
    #[error("the books do not agree: {0}")]
    Disagreement(#[from] Disagreement),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<StoreError> for VerifyError {
    fn from(error: StoreError) -> Self {
        Self::Ledger(error.into())
    }
}

impl Failure for VerifyError {
    fn kind(&self) -> Kind {
        match self {
            Self::Disagreement(_) => Kind::Internal,
            Self::Ledger(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Disagreement(_) => Code::BooksDisagree,
            Self::Ledger(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::Disagreement(d) => format!(
                "账目不符：{}：{}，实为 {}，应为 {}；{}",
                d.rule,
                d.subject,
                d.found,
                d.expected,
                d.rule.meaning_zh()
            ),
            Self::Ledger(error) => error.zh(),
        }
    }
}

const ROWS_AT_ONCE: u32 = 5_000;

impl Shop {
    /// Looks at the whole of a shop's books. Seals by another than the trusted key are a finding, and so is a log without
    /// the last seal known. Without the key everything could have been sealed anew; without the last seal, the newest seals
    /// could have been cut off and what they covered changed.
    pub async fn verify(&self, caller: &Caller, trusted: &Trusted) -> Result<Verified, VerifyError> {
        caller.may(Permission::ReadLedger).map_err(LedgerError::from)?;
        let mut conn = self.desk.store.snapshot().await?;
        if let Some(damage) = conn.damage_to_books().await? {
            return Err(disagree(BookRule::FileIsWhole, "the tables of the books", damage, "ok").into());
        }
        let mut verified = Verified::default();
        verify_sums(&mut conn, caller.tenant, &mut verified).await?;
        verify_log(&mut conn, caller.tenant, trusted, &mut verified).await?;
        verify_across(&mut conn, caller.tenant).await?;
        Ok(verified)
    }
}

/// Orders against payments, payments and refunds against the books.
async fn verify_across(conn: &mut Conn, tenant: TenantId) -> Result<(), VerifyError> {
    for question in CrossCheck::iter() {
        let Some((subject, found, expected)) = conn.cross_check(tenant, question).await? else { continue };
        let rule = match question {
            CrossCheck::OrderPayments | CrossCheck::PaidOrders => BookRule::OrdersArePaid,
            CrossCheck::PaymentRefunds
            | CrossCheck::PaymentCaptured
            | CrossCheck::PaymentFees
            | CrossCheck::PaymentDeposits
            | CrossCheck::BookedForNothing => BookRule::PaymentsAreBooked,
            CrossCheck::RefundBooked | CrossCheck::RefundEnded | CrossCheck::DisputeRefunds => {
                BookRule::RefundsAreBooked
            }
        };
        return Err(disagree(rule, format!("{subject} ({question:?})"), found, expected).into());
    }
    Ok(())
}

fn disagree(rule: BookRule, subject: impl ToString, found: impl ToString, expected: impl ToString) -> Disagreement {
    Disagreement { rule, subject: subject.to_string(), found: found.to_string(), expected: expected.to_string() }
}

/// A pending transfer: between whom, in what, how much.
type Pending = (String, String, String, i64);

/// What the transfers add up to.
#[derive(Default)]
struct Sum {
    accounts: HashMap<String, Sums>,
    /// Pending transfers and, by what they end, ends: those that have not met yet. Ids come in no order of time.
    pending: HashMap<String, Pending>,
    ends: HashMap<String, (String, Pending)>,
}

async fn verify_sums(conn: &mut Conn, tenant: TenantId, verified: &mut Verified) -> Result<(), VerifyError> {
    let mut sum = Sum::default();
    let mut after = String::new();
    loop {
        let page = conn.raw_transfers(tenant, &after, ROWS_AT_ONCE).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(&last.id);
        verified.transfers += page.len();
        for transfer in page {
            sum.add(tenant, transfer)?;
        }
    }
    sum.check_pending(&conn.open_transfers(tenant).await?)?;
    let accounts = conn.raw_accounts(tenant).await?;
    verified.accounts = accounts.len();
    sum.check_accounts(tenant, accounts)
}

impl Sum {
    fn add(&mut self, tenant: TenantId, transfer: RawTransfer) -> Result<(), VerifyError> {
        let digest = transfer.digest_now(tenant);
        if digest != transfer.digest {
            return Err(disagree(BookRule::EntriesStay, &transfer.id, digest, transfer.digest).into());
        }
        let (pending, posted) = match transfer.phase.as_str() {
            "PENDING" => (transfer.amount, 0),
            "SINGLE" => (0, transfer.amount),
            "POST" => (-transfer.reserved, transfer.amount),
            _ => (-transfer.reserved, 0),
        };
        let debit = Sums { debits_pending: pending, debits_posted: posted, ..Sums::default() };
        let credit = Sums { credits_pending: pending, credits_posted: posted, ..Sums::default() };
        self.accounts.entry(transfer.debit.clone()).or_default().add(debit).map_err(LedgerError::from)?;
        self.accounts.entry(transfer.credit.clone()).or_default().add(credit).map_err(LedgerError::from)?;
        let between = |amount| (transfer.debit.clone(), transfer.credit.clone(), transfer.currency.clone(), amount);
        if transfer.phase == "PENDING" {
            let pending = between(transfer.amount);
            match self.ends.remove(&transfer.id) {
                Some((end, ended)) => check_end(&end, &ended, &transfer.id, Some(&pending))?,
                None => drop(self.pending.insert(transfer.id, pending)),
            }
        } else if !transfer.pending.is_empty() {
            let ended = between(transfer.reserved);
            match self.pending.remove(&transfer.pending) {
                Some(pending) => check_end(&transfer.id, &ended, &transfer.pending, Some(&pending))?,
                None => {
                    if let Some((other, _)) = self.ends.insert(transfer.pending.clone(), (transfer.id.clone(), ended)) {
                        return Err(disagree(BookRule::PendingEndsOnce, transfer.pending, other, transfer.id).into());
                    }
                }
            }
        }
        Ok(())
    }

    fn check_pending(&self, open: &[String]) -> Result<(), VerifyError> {
        if let Some((pending, (end, ended))) = self.ends.iter().next() {
            // It ends what is not there, or what has ended already.
            check_end(end, ended, pending, None)?;
        }
        let listed: HashSet<&String> = open.iter().collect();
        let still_open: HashSet<&String> = self.pending.keys().collect();
        match listed.symmetric_difference(&still_open).min() {
            None => Ok(()),
            Some(odd) => {
                let found = if listed.contains(*odd) { "listed as open" } else { "not listed as open" };
                Err(disagree(BookRule::PendingEndsOnce, odd, found, "the contrary").into())
            }
        }
    }

    fn check_accounts(mut self, tenant: TenantId, accounts: Vec<RawAccount>) -> Result<(), VerifyError> {
        let mut by_currency: BTreeMap<String, Sums> = BTreeMap::new();
        for account in accounts {
            let digest = account.digest_now(tenant);
            if digest.as_ref() != Some(&account.digest) {
                let found = digest.unwrap_or_else(|| "no such kind or currency".to_owned());
                return Err(disagree(BookRule::EntriesStay, &account.id, found, &account.digest).into());
            }
            let name = format!("{} {}:{} {}", account.id, account.kind, account.owner, account.currency);
            let booked = self.accounts.remove(&account.id).unwrap_or_default();
            if booked != account.sums {
                let (found, expected) = (format!("{:?}", account.sums), format!("{booked:?}"));
                return Err(disagree(BookRule::BalancesAreSums, name, found, expected).into());
            }
            if !account.max_side.parse().is_ok_and(|max_side| booked.keep(max_side)) {
                return Err(disagree(BookRule::LimitsHold, name, format!("{booked:?}"), account.max_side).into());
            }
            by_currency.entry(account.currency).or_default().add(booked).map_err(LedgerError::from)?;
        }
        if let Some((account, sums)) = self.accounts.into_iter().next() {
            return Err(disagree(BookRule::BalancesAreSums, account, "no such account", format!("{sums:?}")).into());
        }
        match by_currency.into_iter().find(|(_, sums)| !sums.are_even()) {
            None => Ok(()),
            Some((currency, sums)) => {
                Err(disagree(BookRule::CurrenciesSumToZero, currency, format!("{sums:?}"), "both sides equal").into())
            }
        }
    }
}

fn check_end(end: &str, ended: &Pending, id: &str, pending: Option<&Pending>) -> Result<(), Disagreement> {
    if pending == Some(ended) {
        return Ok(());
    }
    Err(disagree(BookRule::PendingEndsOnce, end, format!("{ended:?}"), format!("{pending:?} of {id}")))
}

async fn verify_log(
    conn: &mut Conn,
    tenant: TenantId,
    trusted: &Trusted,
    verified: &mut Verified,
) -> Result<(), VerifyError> {
    if let Some(entry) = conn.entries_out_of_order(tenant).await?.pop() {
        return Err(disagree(BookRule::EntriesAreSealed, entry, "unknown to the log", "a leaf or waiting").into());
    }
    let seals = conn.seals(tenant).await?;
    let mut peaks = Peaks::default();
    let mut page = Vec::new().into_iter();
    for seal in &seals {
        if seal.previous != peaks.size() {
            return Err(disagree(BookRule::LogHasNoGap, "a seal", peaks.size(), seal.previous).into());
        }
        while peaks.size() < seal.size {
            let position = i64::try_from(peaks.size()).unwrap_or(i64::MAX);
            let leaf = match page.next() {
                Some(leaf) => leaf,
                None => {
                    page = conn.leaves(tenant, position, ROWS_AT_ONCE).await?.into_iter();
                    let missing = || disagree(BookRule::LogHasNoGap, position, "the end of the log", seal.size);
                    page.next().ok_or_else(missing)?
                }
            };
            if leaf.position != position {
                return Err(disagree(BookRule::LogHasNoGap, &leaf.entry, leaf.position, position).into());
            }
            if leaf.now.as_ref() != Some(&leaf.digest) {
                let found = leaf.now.unwrap_or_else(|| "no such row".to_owned());
                return Err(disagree(BookRule::EntriesStay, leaf.entry, found, leaf.digest).into());
            }
            let bytes = unhex(&leaf.digest)
                .ok_or_else(|| disagree(BookRule::EntriesStay, &leaf.entry, &leaf.digest, "a digest"))?;
            peaks.push(merkle::leaf(&bytes));
        }
        let root = hex(&peaks.root());
        if (&root, Some(&peaks)) != (&seal.root, seal.peaks().as_ref()) {
            return Err(disagree(BookRule::RootsFit, format!("seal over {}", seal.size), root, &seal.root).into());
        }
        if !seal.is_signed(tenant) {
            let subject = format!("seal over {}", seal.size);
            return Err(disagree(BookRule::SealsAreSigned, subject, "no valid signature", &seal.key).into());
        }
        let key = trusted.key.as_ref().unwrap_or(&seals[0].key);
        if seal.key != *key {
            return Err(disagree(BookRule::KeyIsTrusted, seal.size, &seal.key, key).into());
        }
    }
    if let Some(last) = trusted.last.as_ref().filter(|last| !seals.iter().any(|seal| seal.imprint() == **last)) {
        let found = seals.last().map_or_else(|| "no seal".to_owned(), |seal| seal.imprint().to_string());
        return Err(disagree(BookRule::SealsStay, "the last seal known", found, last).into());
    }
    let beyond = i64::try_from(peaks.size()).unwrap_or(i64::MAX);
    let unsealed_leaf = page.next().or(conn.leaves(tenant, beyond, 1).await?.into_iter().next());
    if let Some(leaf) = unsealed_leaf {
        return Err(disagree(BookRule::LogHasNoGap, leaf.entry, "a leaf under no seal", "the end of the log").into());
    }
    let entries = (verified.accounts + verified.transfers) as u64;
    let gone = || disagree(BookRule::EntriesStay, "entries", entries, format!("at least the {} sealed", peaks.size()));
    verified.unsealed = entries.checked_sub(peaks.size()).ok_or_else(gone)?;
    verified.seals = seals.len();
    verified.sealed = peaks.size();
    verified.key = seals.last().map_or_else(String::new, |seal| seal.key.clone());
    Ok(())
}

impl RawAccount {
    /// The digest of the account as its row is now; none if the row names no account there could be.
    fn digest_now(&self, tenant: TenantId) -> Option<String> {
        let kind: AccountKind = self.kind.parse().ok()?;
        let currency: Currency = self.currency.parse().ok()?;
        let account = kind.of(&self.owner);
        let is_itself =
            account.id(tenant, currency).to_string() == self.id && kind.max_side().to_string() == self.max_side;
        is_itself.then(|| account.digest(tenant, currency))
    }
}

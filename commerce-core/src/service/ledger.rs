//! The books, for those who keep them: moving money by hand, reading balances and statements.

use super::Shop;
use crate::caller::Caller;
use crate::ledger::{Account, Balance, Entry, LedgerError, Phase, Side, Sums, Transfer, TransferId};
use crate::money::{Currency, Money};
use crate::permission::Permission;
use crate::store::{AccountSearch, Tx};
use crate::tenant::TenantId;
use crate::time::Timestamp;

/// What moved on an account, and what stood on it before and after.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub account: Account,
    pub opening: Money,
    /// The first of them, at most 10,000.
    pub entries: Vec<Entry>,
    /// Whether there are more: `closing` counts them, too.
    pub is_cut: bool,
    pub closing: Money,
}

/// Longer statements are read in parts.
const MOST_ENTRIES: usize = 10_000;
const EXPIRED_AT_ONCE: u32 = 500;

impl Shop {
    /// Books transfers together or not at all. Sent again with the same ids and contents, it changes nothing and answers
    /// the same; the same id with other contents is an error.
    pub async fn transfer(&self, caller: &Caller, transfers: &[Transfer]) -> Result<Vec<Transfer>, LedgerError> {
        caller.may(Permission::WriteLedger)?;
        if let Some(reserved) = transfers.iter().find(|transfer| transfer.purpose.belongs_to_payments()) {
            return Err(LedgerError::ReservedPurpose { purpose: reserved.purpose });
        }
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                if let Some(before) = booked_before(&mut tx, caller.tenant, transfers).await? {
                    return Ok(tx.leave(before));
                }
                for transfer in transfers {
                    must_be_open(&mut tx, caller.tenant, transfer).await?;
                }
                let now = desk.now();
                let booked: Vec<Transfer> = transfers.iter().map(|t| Transfer { at: now, ..t.clone() }).collect();
                tx.book(caller.tenant, &booked).await?;
                Ok(tx.keep(booked).await?)
            })
            .await
    }

    /// Posts a pending transfer, all of it or `amount`; what is not posted is free again.
    pub async fn post_transfer(
        &self,
        caller: &Caller,
        pending: TransferId,
        amount: Option<Money>,
    ) -> Result<Transfer, LedgerError> {
        let whole = self.pending_transfer(caller, pending).await?;
        let posted = whole.posted(self.now());
        let posted = Transfer { amount: amount.unwrap_or(whole.amount), ..posted };
        self.transfer(caller, std::slice::from_ref(&posted)).await?;
        Ok(posted)
    }

    /// Gives up a pending transfer.
    pub async fn void_transfer(&self, caller: &Caller, pending: TransferId) -> Result<Transfer, LedgerError> {
        let voided = self.pending_transfer(caller, pending).await?.voided(self.now());
        self.transfer(caller, std::slice::from_ref(&voided)).await?;
        Ok(voided)
    }

    async fn pending_transfer(&self, caller: &Caller, id: TransferId) -> Result<Transfer, LedgerError> {
        caller.may(Permission::WriteLedger)?;
        let found = self.desk.store.read().await?.transfers(caller.tenant, &[id]).await?.pop();
        found.filter(|t| matches!(t.phase, Phase::Pending { .. })).ok_or(LedgerError::NotPending { id })
    }

    /// What stands on the accounts, now or as it was at a moment.
    pub async fn balances(
        &self,
        caller: &Caller,
        search: &AccountSearch,
        as_of: Option<Timestamp>,
    ) -> Result<Vec<Balance>, LedgerError> {
        caller.may(Permission::ReadLedger)?;
        Ok(self.desk.store.report().await?.balances(caller.tenant, search, as_of).await?)
    }

    /// What moved on an account from `from` to before `to`.
    pub async fn statement(
        &self,
        caller: &Caller,
        account: &Account,
        currency: Currency,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Statement, LedgerError> {
        caller.may(Permission::ReadLedger)?;
        let id = account.id(caller.tenant, currency);
        let mut conn = self.desk.store.report().await?;
        let search = AccountSearch { kind: Some(account.kind), owner: account.owner.clone() };
        let mut standing = Vec::with_capacity(2);
        for before in [from, to] {
            let then = conn.balances(caller.tenant, &search, Some(before.plus_micros(-1))).await?;
            let unknown = || LedgerError::UnknownAccount { account: format!("{account} in {currency}") };
            standing.push(then.into_iter().find(|balance| balance.id == id).ok_or_else(unknown)?.posted());
        }
        let (opening, closing) = (standing[0], standing[1]);
        // One more shows whether there are more.
        let mut entries = conn.statement(caller.tenant, id, from, to, MOST_ENTRIES as u32 + 1).await?;
        let is_cut = entries.len() > MOST_ENTRIES;
        entries.truncate(MOST_ENTRIES);
        let mut balance = opening;
        for entry in &mut entries {
            balance = if moves(&entry.phase) { step(balance, entry, account.kind.side())? } else { balance };
            entry.balance = balance;
        }
        Ok(Statement { account: account.clone(), opening, entries, is_cut, closing })
    }

    /// Gives up the pending transfers whose time is over.
    pub(super) async fn expire_transfers(&self, caller: &Caller) -> Result<usize, LedgerError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let over = tx.expired_transfers(caller.tenant, now, EXPIRED_AT_ONCE).await?;
                if over.is_empty() {
                    return Ok(tx.leave(0));
                }
                let expired = |pending: &Transfer| Transfer {
                    phase: Phase::Expire { pending: pending.id },
                    ..pending.voided(now)
                };
                let expired: Vec<Transfer> = over.iter().map(expired).collect();
                tx.book(caller.tenant, &expired).await?;
                Ok(tx.keep(expired.len()).await?)
            })
            .await
    }
}

/// Whether a line moves the posted balance.
fn moves(phase: &str) -> bool {
    matches!(phase, "SINGLE" | "POST")
}

fn step(balance: Money, entry: &Entry, side: Side) -> Result<Money, LedgerError> {
    Ok(if entry.side == side { balance.checked_add(entry.amount)? } else { balance.checked_sub(entry.amount)? })
}

/// The answer to a request that was answered before; an error if an id was used for something else.
async fn booked_before(
    tx: &mut Tx,
    tenant: TenantId,
    transfers: &[Transfer],
) -> Result<Option<Vec<Transfer>>, LedgerError> {
    let ids: Vec<TransferId> = transfers.iter().map(|transfer| transfer.id).collect();
    let found = tx.transfers(tenant, &ids).await?;
    let Some(first) = found.first() else { return Ok(None) };
    let conflict = LedgerError::TransferConflict { id: first.id };
    let mut before = Vec::with_capacity(transfers.len());
    for asked in transfers {
        let same = found.iter().find(|one| one.id == asked.id && one.asks_the_same(asked));
        before.push(same.cloned().ok_or_else(|| conflict.clone())?);
    }
    Ok(Some(before))
}

async fn must_be_open(tx: &mut Tx, tenant: TenantId, transfer: &Transfer) -> Result<(), LedgerError> {
    let Some(pending) = transfer.phase.ends() else { return Ok(()) };
    let not_pending = LedgerError::NotPending { id: pending };
    if tx.ending_of(tenant, pending).await?.is_some() {
        return Err(not_pending);
    }
    let found = tx.transfers(tenant, &[pending]).await?.pop().ok_or(not_pending.clone())?;
    let is_the_same = matches!(found.phase, Phase::Pending { .. })
        && (&found.debit, &found.credit) == (&transfer.debit, &transfer.credit)
        && found.amount.currency() == transfer.amount.currency()
        && found.amount.minor() == transfer.reserved()
        // What is set aside for a refund ends with the refund, not by hand.
        && found.purpose == transfer.purpose;
    if is_the_same { Ok(()) } else { Err(not_pending) }
}

impl Sums {
    /// The sums of these accounts taken together: both sides of each pair are equal, or money came from nowhere.
    pub(super) fn are_even(self) -> bool {
        self.debits_posted == self.credits_posted && self.debits_pending == self.credits_pending
    }
}

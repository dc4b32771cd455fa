use super::{Cell, Conn, Dialect, Row, StoreError, Tx};
use crate::ledger::seal::Seal;
use crate::ledger::{
    Account, AccountId, AccountKind, Balance, Entry, LedgerError, Phase, Side, Sums, Transfer, TransferId,
};
use crate::money::{Currency, Money};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Which accounts; what is empty does not matter.
#[derive(Clone, Debug, Default)]
pub struct AccountSearch {
    pub kind: Option<AccountKind>,
    pub owner: String,
}

/// A row of the books exactly as the database has it, whether or not it makes sense.
#[derive(Clone, Debug)]
pub(crate) struct RawTransfer {
    pub(crate) id: String,
    pub(crate) phase: String,
    pub(crate) debit: String,
    pub(crate) credit: String,
    pub(crate) currency: String,
    pub(crate) amount: i64,
    pub(crate) purpose: String,
    pub(crate) subject: String,
    pub(crate) pending: String,
    pub(crate) reserved: i64,
    pub(crate) expires_at: i64,
    pub(crate) at: i64,
    pub(crate) digest: String,
}

/// What orders, payments, refunds and the books must agree about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter)]
pub(crate) enum CrossCheck {
    OrderPayments,
    PaidOrders,
    PaymentRefunds,
    PaymentCaptured,
    PaymentFees,
    PaymentDeposits,
    RefundBooked,
    RefundEnded,
    DisputeRefunds,
    BookedForNothing,
}

pub(crate) struct RawAccount {
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) owner: String,
    pub(crate) currency: String,
    pub(crate) max_side: String,
    pub(crate) digest: String,
    pub(crate) sums: Sums,
}

/// A leaf of the sealed log, and the digest that its entry has now; none where the entry is gone.
pub(crate) struct RawLeaf {
    pub(crate) position: i64,
    pub(crate) entry: String,
    pub(crate) digest: String,
    pub(crate) now: Option<String>,
}

impl Conn {
    /// Accounts and what stands on them, now or at a moment in the past.
    pub async fn balances(
        &mut self,
        tenant: TenantId,
        search: &AccountSearch,
        as_of: Option<Timestamp>,
    ) -> Result<Vec<Balance>, StoreError> {
        let kind = search.kind.map_or_else(String::new, |kind| kind.to_string());
        let rows = match as_of {
            None => {
                self.sql(include_str!("sql/ledger/accounts.sql"))
                    .text(tenant)
                    .text(kind)
                    .text(&search.owner)
                    .rows()
                    .await
            }
            Some(time) => {
                let question = self.sql(include_str!("sql/ledger/balances_at.sql"));
                question.text(tenant).text(kind).text(&search.owner).time(time).rows().await
            }
        };
        rows?.into_iter().map(read_balance).collect()
    }

    /// The first `limit` transfers of an account from `from` to before `to`, oldest first; `balance` is not filled in.
    pub(crate) async fn statement(
        &mut self,
        tenant: TenantId,
        account: AccountId,
        from: Timestamp,
        to: Timestamp,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        let question = self.sql(include_str!("sql/ledger/statement.sql")).text(tenant).text(account);
        let rows = question.time(from).time(to).int(limit).rows().await?;
        rows.into_iter().map(|row| read_entry(row, account)).collect()
    }

    pub(crate) async fn transfers(
        &mut self,
        tenant: TenantId,
        ids: &[TransferId],
    ) -> Result<Vec<Transfer>, StoreError> {
        let wanted: Vec<_> = ids.iter().map(|id| json!({ "id": id })).collect();
        let rows = self.sql(include_str!("sql/ledger/transfers.sql")).text(tenant).json(&wanted).rows().await?;
        rows.into_iter().map(read_transfer).collect()
    }

    /// The transfer by which a pending one ended, if it has.
    pub(crate) async fn ending_of(
        &mut self,
        tenant: TenantId,
        pending: TransferId,
    ) -> Result<Option<TransferId>, StoreError> {
        let row = self.sql(include_str!("sql/ledger/ending.sql")).text(tenant).text(pending).row().await?;
        row.map(|row| row.id("id")).transpose()
    }

    /// Pending transfers whose time is over.
    pub(crate) async fn expired_transfers(
        &mut self,
        tenant: TenantId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<Transfer>, StoreError> {
        let rows = self.sql(include_str!("sql/ledger/expired.sql")).text(tenant).time(now).int(limit).rows().await?;
        let ids = rows.iter().map(|row| row.id("id")).collect::<Result<Vec<TransferId>, _>>()?;
        if ids.is_empty() { Ok(Vec::new()) } else { self.transfers(tenant, &ids).await }
    }

    pub async fn last_seal(&mut self, tenant: TenantId) -> Result<Option<Seal>, StoreError> {
        self.sql(include_str!("sql/ledger/last_seal.sql")).text(tenant).row().await?.map(read_seal).transpose()
    }

    pub(crate) async fn unsealed(&mut self, tenant: TenantId, limit: u32) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self.sql(include_str!("sql/ledger/unsealed.sql")).text(tenant).int(limit).rows().await?;
        rows.into_iter().map(|row| Ok((row.text("entry")?, row.text("digest")?))).collect()
    }

    pub(crate) async fn seals(&mut self, tenant: TenantId) -> Result<Vec<Seal>, StoreError> {
        let rows = self.sql(include_str!("sql/ledger/seals.sql")).text(tenant).rows().await?;
        rows.into_iter().map(read_seal).collect()
    }

    /// The leaves from a position on, with what they stand for as it is now.
    pub(crate) async fn leaves(&mut self, tenant: TenantId, from: i64, limit: u32) -> Result<Vec<RawLeaf>, StoreError> {
        let rows = self.sql(include_str!("sql/ledger/leaves.sql")).text(tenant).int(from).int(limit).rows().await?;
        rows.into_iter().map(read_leaf).collect()
    }

    pub(crate) async fn leaf_of(&mut self, tenant: TenantId, entry: &str) -> Result<Option<i64>, StoreError> {
        let row = self.sql(include_str!("sql/ledger/leaf_of.sql")).text(tenant).text(entry).row().await?;
        row.map(|row| row.int("position")).transpose()
    }

    pub(crate) async fn raw_accounts(&mut self, tenant: TenantId) -> Result<Vec<RawAccount>, StoreError> {
        let rows = self.sql(include_str!("sql/ledger/raw_accounts.sql")).text(tenant).rows().await?;
        rows.into_iter().map(read_raw_account).collect()
    }

    /// The transfers after an id, in the order of their ids.
    pub(crate) async fn raw_transfers(
        &mut self,
        tenant: TenantId,
        after: &str,
        limit: u32,
    ) -> Result<Vec<RawTransfer>, StoreError> {
        let question = self.sql(include_str!("sql/ledger/raw_transfers.sql"));
        let rows = question.text(tenant).text(after).int(limit).rows().await?;
        rows.into_iter().map(read_raw_transfer).collect()
    }

    /// The first row that orders, payments, refunds and the books do not agree about, by question: who, what it says, what it
    /// should say.
    pub(crate) async fn cross_check(
        &mut self,
        tenant: TenantId,
        question: CrossCheck,
    ) -> Result<Option<(String, i64, i64)>, StoreError> {
        let text = match question {
            CrossCheck::OrderPayments => include_str!("sql/verify/order_payments.sql"),
            CrossCheck::PaidOrders => include_str!("sql/verify/paid_orders.sql"),
            CrossCheck::PaymentRefunds => include_str!("sql/verify/payment_refunds.sql"),
            CrossCheck::PaymentCaptured => include_str!("sql/verify/payment_captured.sql"),
            CrossCheck::PaymentFees => include_str!("sql/verify/payment_fees.sql"),
            CrossCheck::PaymentDeposits => include_str!("sql/verify/payment_deposits.sql"),
            CrossCheck::RefundBooked => include_str!("sql/verify/refund_booked.sql"),
            CrossCheck::RefundEnded => include_str!("sql/verify/refund_ended.sql"),
            CrossCheck::DisputeRefunds => include_str!("sql/verify/dispute_refunds.sql"),
            CrossCheck::BookedForNothing => include_str!("sql/verify/booked_for_nothing.sql"),
        };
        let row = self.sql(text).text(tenant).row().await?;
        row.map(|row| Ok((row.text("subject")?, row.int("found")?, row.int("expected")?))).transpose()
    }

    /// The pending transfers that have not ended, by the list the database keeps of them.
    pub(crate) async fn open_transfers(&mut self, tenant: TenantId) -> Result<Vec<String>, StoreError> {
        let rows = self.sql(include_str!("sql/ledger/open_transfers.sql")).text(tenant).rows().await?;
        rows.into_iter().map(|row| row.text("transfer")).collect()
    }

    /// What SQLite itself finds wrong with the tables of the books: above all, an index that says other than its table.
    /// PostgreSQL has no such question for its users; there the rows alone are looked at.
    pub(crate) async fn damage_to_books(&mut self) -> Result<Option<String>, StoreError> {
        if self.dialect == Dialect::Postgres {
            return Ok(None);
        }
        for check in [
            "pragma integrity_check(ledger_transfer)",
            "pragma integrity_check(ledger_account)",
            "pragma integrity_check(ledger_leaf)",
            "pragma integrity_check(ledger_seal)",
        ] {
            for row in self.sql(check).rows().await? {
                let word = row.text("integrity_check")?;
                if word != "ok" {
                    return Ok(Some(word));
                }
            }
        }
        Ok(None)
    }

    /// Transfers and accounts that are neither sealed nor waiting for it, or both at once.
    pub(crate) async fn entries_out_of_order(&mut self, tenant: TenantId) -> Result<Vec<String>, StoreError> {
        let rows = self.sql(include_str!("sql/ledger/out_of_order.sql")).text(tenant).rows().await?;
        rows.into_iter().map(|row| row.text("entry")).collect()
    }
}

impl Tx {
    /// Books transfers: the one way in which money moves. They are booked all together or not at all; an id that was booked
    /// already, or a pending transfer that has ended, undoes this write and has it tried again on how things stand.
    pub(crate) async fn book(&mut self, tenant: TenantId, transfers: &[Transfer]) -> Result<(), LedgerError> {
        if transfers.is_empty() {
            return Ok(());
        }
        transfers.iter().try_for_each(Transfer::check)?;
        let changes = changes_by_account(tenant, transfers)?;
        // Balances first: a transfer refers to accounts that must have been opened.
        self.change_accounts(tenant, changes).await?;
        let rows = transfers.iter().map(|transfer| row_of(tenant, transfer)).collect();
        let booked = self.sql_rows(include_str!("sql/ledger/insert_transfers.sql"), rows).changes().await?;
        if booked == transfers.len() { Ok(()) } else { Err(self.lost_a_race().into()) }
    }

    async fn change_accounts(&mut self, tenant: TenantId, changes: Changes) -> Result<(), LedgerError> {
        let mut left = self.try_to_change(tenant, changes).await?;
        if left.is_empty() {
            return Ok(());
        }
        self.none_is_short(tenant, &left).await?;
        // An account is opened by the first transfer that needs it.
        self.open_accounts(tenant, left.values().map(|(account, currency, _)| (account, *currency))).await?;
        left = self.try_to_change(tenant, left).await?;
        match left.into_values().next() {
            None => Ok(()),
            Some((account, ..)) => Err(LedgerError::InsufficientFunds { account }),
        }
    }

    /// Whether the accounts that did not take a change are just not there yet. Looked up without waiting for anybody: other
    /// accounts are locked by now, and whoever holds these may wait for them.
    async fn none_is_short(&mut self, tenant: TenantId, left: &Changes) -> Result<(), LedgerError> {
        let wanted: Vec<_> = left.keys().map(|id| json!({ "id": id })).collect();
        let found = self.sql(include_str!("sql/ledger/sums.sql")).text(tenant).json(&wanted).rows().await?;
        for row in found {
            let Some((account, _, change)) = left.get(&row.id("id")?) else { continue };
            let mut sums = read_sums(&row)?;
            sums.add(*change)?;
            if !sums.keep(account.kind.max_side()) {
                return Err(LedgerError::InsufficientFunds { account: account.clone() });
            }
            // It has just been opened, or filled.
            return Err(self.lost_a_race().into());
        }
        Ok(())
    }

    /// Returns the accounts that did not take the change: they are not there yet, or it would pass their limit.
    async fn try_to_change(&mut self, tenant: TenantId, mut changes: Changes) -> Result<Changes, LedgerError> {
        let row = |(id, (_, _, sums)): (&AccountId, &(Account, Currency, Sums))| {
            vec![
                Cell::text(id),
                Cell::text(tenant),
                Cell::int(sums.debits_pending),
                Cell::int(sums.debits_posted),
                Cell::int(sums.credits_pending),
                Cell::int(sums.credits_posted),
            ]
        };
        let rows = changes.iter().map(row).collect();
        for changed in self.sql_rows(include_str!("sql/ledger/change_accounts.sql"), rows).rows().await? {
            changes.remove(&changed.id("id")?);
        }
        Ok(changes)
    }

    async fn open_accounts(
        &mut self,
        tenant: TenantId,
        accounts: impl Iterator<Item = (&Account, Currency)>,
    ) -> Result<(), StoreError> {
        let row = |(account, currency): (&Account, Currency)| {
            vec![
                Cell::text(account.id(tenant, currency)),
                Cell::text(tenant),
                Cell::text(account.kind),
                Cell::text(&account.owner),
                Cell::text(currency),
                Cell::text(account.kind.max_side()),
                Cell::text(account.digest(tenant, currency)),
            ]
        };
        self.sql_rows(include_str!("sql/ledger/open_accounts.sql"), accounts.map(row).collect()).run().await
    }

    /// Appends entries to the sealed log from `position` on. If somebody else is sealing, this write is undone.
    pub(crate) async fn append_leaves(
        &mut self,
        tenant: TenantId,
        position: i64,
        entries: &[(String, String)],
    ) -> Result<(), StoreError> {
        let row = |(position, (entry, digest)): (i64, &(String, String))| {
            vec![Cell::text(tenant), Cell::int(position), Cell::text(entry), Cell::text(digest)]
        };
        let rows = (position..).zip(entries).map(row).collect();
        let appended = self.sql_rows(include_str!("sql/ledger/insert_leaves.sql"), rows).changes().await?;
        let wanted: Vec<_> = entries.iter().map(|(entry, _)| json!({ "entry": entry })).collect();
        let taken =
            self.sql(include_str!("sql/ledger/delete_unsealed.sql")).json(&wanted).text(tenant).changes().await?;
        if appended == entries.len() && taken == entries.len() { Ok(()) } else { Err(self.lost_a_race()) }
    }

    pub(crate) async fn insert_seal(&mut self, tenant: TenantId, seal: &Seal) -> Result<(), StoreError> {
        let count = |size| i64::try_from(size).unwrap_or(i64::MAX);
        let statement = self.sql(include_str!("sql/ledger/insert_seal.sql")).text(tenant).int(count(seal.size));
        let statement = statement.int(count(seal.previous)).text(&seal.root).text(&seal.peaks).text(&seal.key);
        let inserted = statement.text(&seal.signature).time(seal.at).changes().await?;
        if inserted == 1 { Ok(()) } else { Err(self.lost_a_race()) }
    }
}

/// In the order of ids, so that two who change the same accounts do not wait for each other in a circle.
type Changes = BTreeMap<AccountId, (Account, Currency, Sums)>;

fn changes_by_account(tenant: TenantId, transfers: &[Transfer]) -> Result<Changes, LedgerError> {
    let mut changes = Changes::new();
    let mut ids = BTreeSet::new();
    for transfer in transfers {
        if !ids.insert(transfer.id) {
            return Err(LedgerError::TransferConflict { id: transfer.id });
        }
        let currency = transfer.amount.currency();
        let (taken, given) = transfer.effect();
        for (account, effect) in [(&transfer.debit, taken), (&transfer.credit, given)] {
            let entry = changes.entry(account.id(tenant, currency));
            entry.or_insert_with(|| (account.clone(), currency, Sums::default())).2.add(effect)?;
        }
    }
    Ok(changes)
}

fn row_of(tenant: TenantId, t: &Transfer) -> Vec<Cell> {
    let currency = t.amount.currency();
    vec![
        Cell::text(t.id),
        Cell::text(tenant),
        Cell::text(t.phase.name()),
        Cell::text(t.debit.id(tenant, currency)),
        Cell::text(t.credit.id(tenant, currency)),
        Cell::text(currency),
        Cell::money(t.amount),
        Cell::text(t.purpose),
        Cell::text(&t.subject),
        Cell::maybe(t.phase.ends()),
        Cell::int(t.reserved()),
        Cell::int(t.expires_at()),
        Cell::time(t.at),
        Cell::text(t.digest(tenant)),
    ]
}

fn read_sums(row: &Row) -> Result<Sums, StoreError> {
    Ok(Sums {
        debits_pending: row.int("debits_pending")?,
        debits_posted: row.int("debits_posted")?,
        credits_pending: row.int("credits_pending")?,
        credits_posted: row.int("credits_posted")?,
    })
}

fn read_account(row: &Row, kind: &str, owner: &str) -> Result<Account, StoreError> {
    Ok(row.word::<AccountKind>(kind)?.of(row.text(owner)?))
}

fn read_balance(row: Row) -> Result<Balance, StoreError> {
    Ok(Balance {
        id: row.id("id")?,
        account: read_account(&row, "kind", "owner")?,
        currency: row.word("currency")?,
        sums: read_sums(&row)?,
    })
}

fn read_entry(row: Row, account: AccountId) -> Result<Entry, StoreError> {
    let currency: Currency = row.word("currency")?;
    let side = if row.id::<Account>("debit")? == account { Side::Debit } else { Side::Credit };
    Ok(Entry {
        transfer: row.id("id")?,
        at: row.time("at")?,
        phase: row.text("phase")?,
        purpose: row.word("purpose")?,
        subject: row.text("subject")?,
        other: read_account(&row, "other_kind", "other_owner")?,
        side,
        amount: row.money("amount", currency)?,
        balance: Money::zero(currency),
    })
}

fn read_transfer(row: Row) -> Result<Transfer, StoreError> {
    let currency = row.word("currency")?;
    let pending = row.maybe_id("pending")?;
    let expires_at = Some(row.time("expires_at")?).filter(|time| time.micros() > 0);
    let phase = match (row.text("phase")?.as_str(), pending) {
        ("SINGLE", None) => Phase::Single,
        ("PENDING", None) => Phase::Pending { expires_at },
        ("POST", Some(pending)) => Phase::Post { pending, reserved: row.money("reserved", currency)? },
        ("VOID", Some(pending)) => Phase::Void { pending },
        ("EXPIRE", Some(pending)) => Phase::Expire { pending },
        (other, _) => return Err(StoreError::unreadable(format_args!("{other} is no phase of such a transfer"))),
    };
    Ok(Transfer {
        id: row.id("id")?,
        phase,
        debit: read_account(&row, "debit_kind", "debit_owner")?,
        credit: read_account(&row, "credit_kind", "credit_owner")?,
        amount: row.money("amount", currency)?,
        purpose: row.word("purpose")?,
        subject: row.text("subject")?,
        at: row.time("at")?,
    })
}

fn read_seal(row: Row) -> Result<Seal, StoreError> {
    Ok(Seal {
        size: row.count("size")?,
        previous: row.count("previous")?,
        root: row.text("root")?,
        peaks: row.text("peaks")?,
        key: row.text("key")?,
        signature: row.text("signature")?,
        at: row.time("at")?,
    })
}

fn read_leaf(row: Row) -> Result<RawLeaf, StoreError> {
    Ok(RawLeaf {
        position: row.int("position")?,
        entry: row.text("entry")?,
        digest: row.text("digest")?,
        now: row.maybe_text("now")?,
    })
}

fn read_raw_account(row: Row) -> Result<RawAccount, StoreError> {
    Ok(RawAccount {
        id: row.text("id")?,
        kind: row.text("kind")?,
        owner: row.text("owner")?,
        currency: row.text("currency")?,
        max_side: row.text("max_side")?,
        digest: row.text("digest")?,
        sums: read_sums(&row)?,
    })
}

fn read_raw_transfer(row: Row) -> Result<RawTransfer, StoreError> {
    Ok(RawTransfer {
        id: row.text("id")?,
        phase: row.text("phase")?,
        debit: row.text("debit")?,
        credit: row.text("credit")?,
        currency: row.text("currency")?,
        amount: row.int("amount")?,
        purpose: row.text("purpose")?,
        subject: row.text("subject")?,
        pending: row.text("pending")?,
        reserved: row.int("reserved")?,
        expires_at: row.int("expires_at")?,
        at: row.int("at")?,
        digest: row.text("digest")?,
    })
}

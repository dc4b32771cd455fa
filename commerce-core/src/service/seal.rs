//! Sealing the books, off the path on which money moves: new entries become leaves of a Merkle tree, and its root is signed.

use super::Shop;
use crate::caller::Caller;
use crate::ledger::merkle::{self, Peaks};
use crate::ledger::seal::{Imprint, Inclusion, Seal, SealKey};
use crate::ledger::{LedgerError, TransferId, hex, unhex};
use crate::permission::Permission;
use crate::store::StoreError;

/// Entries under one seal at most, so that sealing a long backlog does not hold up those who write.
const SEALED_AT_ONCE: u32 = 1_000;
const LEAVES_AT_ONCE: u32 = 10_000;

/// What sealing did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// How many entries were not under a seal before.
    pub entries: usize,
    /// The newest seal, to be kept outside the database; none while nothing was ever sealed.
    pub last: Option<Imprint>,
}

impl Shop {
    /// Seals everything that was booked and is not sealed yet. On top of a log that lacks the `last` seal known, nothing is
    /// sealed: a new signature would cover up what was cut off.
    pub async fn seal(&self, caller: &Caller, key: &SealKey, last: Option<&Imprint>) -> Result<Sealed, LedgerError> {
        caller.may(Permission::RunJobs)?;
        if let Some(last) = last {
            let seals = self.desk.store.read().await?.seals(caller.tenant).await?;
            if !seals.iter().any(|seal| seal.imprint() == *last) {
                return Err(LedgerError::SealGone { size: last.size });
            }
        }
        let mut entries = 0;
        loop {
            let count = self.seal_some(caller, key).await?;
            entries += count;
            if count < SEALED_AT_ONCE as usize {
                let newest = self.desk.store.read().await?.last_seal(caller.tenant).await?;
                return Ok(Sealed { entries, last: newest.map(|seal| seal.imprint()) });
            }
        }
    }

    async fn seal_some(&self, caller: &Caller, key: &SealKey) -> Result<usize, StoreError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let tenant = caller.tenant;
                let entries = tx.unsealed(tenant, SEALED_AT_ONCE).await?;
                if entries.is_empty() {
                    return Ok(tx.leave(0));
                }
                let mut peaks = match tx.last_seal(tenant).await? {
                    None => Peaks::default(),
                    Some(last) => last.peaks().ok_or_else(|| unreadable("the peaks of the last seal"))?,
                };
                let previous = peaks.size();
                let position = i64::try_from(previous).unwrap_or(i64::MAX);
                tx.append_leaves(tenant, position, &entries).await?;
                for (_, digest) in &entries {
                    peaks.push(merkle::leaf(&unhex(digest).ok_or_else(|| unreadable("a digest"))?));
                }
                tx.insert_seal(tenant, &Seal::sign(tenant, previous, &peaks, desk.now(), key)).await?;
                tx.keep(entries.len()).await
            })
            .await
    }

    /// The proof that a transfer is under the newest seal; none while it is not sealed.
    pub async fn prove(&self, caller: &Caller, transfer: TransferId) -> Result<Option<Inclusion>, LedgerError> {
        caller.may(Permission::ReadLedger)?;
        let entry = transfer.to_string();
        let mut conn = self.desk.store.report().await?;
        let (Some(position), Some(seal)) =
            (conn.leaf_of(caller.tenant, &entry).await?, conn.last_seal(caller.tenant).await?)
        else {
            return Ok(None);
        };
        let position = u64::try_from(position).map_err(|_| unreadable("a position"))?;
        let mut proof = merkle::Proof::of(position, seal.size);
        let mut proved = None;
        let mut seen = 0;
        while seen < seal.size {
            let page = conn.leaves(caller.tenant, i64::try_from(seen).unwrap_or(i64::MAX), LEAVES_AT_ONCE).await?;
            if page.is_empty() {
                return Err(unreadable("a log with missing leaves").into());
            }
            for (at, leaf) in (seen..seal.size).zip(page) {
                proof.pass(at, merkle::leaf(&unhex(&leaf.digest).ok_or_else(|| unreadable("a digest"))?));
                proved = if at == position { Some(leaf.digest) } else { proved };
                seen = at + 1;
            }
        }
        let path = proof.path().iter().map(|hash| hex(hash)).collect();
        Ok(proved.map(|digest| Inclusion { entry, digest, position, path, seal }))
    }
}

fn unreadable(what: &str) -> StoreError {
    StoreError::Unreadable(format!("{what} of the ledger; run `zhanggui verify`"))
}

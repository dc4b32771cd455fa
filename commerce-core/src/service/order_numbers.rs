//! Order numbers: the day and a running number. They are fetched from the database in blocks, so that orders do not wait
//! for each other at a counter; a restart leaves a gap, never a double.

use crate::store::{Store, StoreError};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::RangeInclusive;
use tokio::sync::Mutex;

const BLOCK: usize = 128;

/// More days than these at once are of no use: numbers are taken for today, or while a past is being made up.
const DAYS_MAX: usize = 100;

#[derive(Default)]
pub(super) struct OrderNumbers(Mutex<HashMap<TenantId, Blocks>>);

/// The numbers of one shop that were fetched and not used yet, day by day.
#[derive(Default)]
struct Blocks {
    utc_offset_minutes: i32,
    left: BTreeMap<String, VecDeque<i64>>,
}

impl OrderNumbers {
    /// Takes `count` numbers of the shop's day; none where there is no such shop.
    pub(super) async fn take(
        &self,
        store: &Store,
        tenant: TenantId,
        now: Timestamp,
        count: usize,
    ) -> Result<Vec<String>, StoreError> {
        let mut shops = self.0.lock().await;
        let blocks = shops.entry(tenant).or_default();
        if blocks.left.get(&now.day(blocks.utc_offset_minutes)).is_none_or(|left| left.len() < count) {
            let Some(shop) = store.read().await?.tenant(tenant).await? else { return Ok(Vec::new()) };
            blocks.utc_offset_minutes = shop.settings.utc_offset_minutes;
            let day = now.day(blocks.utc_offset_minutes);
            let more = fetch(store, tenant, &day, count.max(BLOCK)).await?;
            blocks.left.entry(day.clone()).or_default().extend(more);
            if blocks.left.len() > DAYS_MAX {
                let of_today = blocks.left.remove(&day).unwrap_or_default();
                blocks.left.clear();
                blocks.left.insert(day.clone(), of_today);
            }
        }
        let day = now.day(blocks.utc_offset_minutes);
        let Some(left) = blocks.left.get_mut(&day) else { return Ok(Vec::new()) };
        Ok(left.drain(..count).map(|number| format!("{day}{number:07}")).collect())
    }

    /// Gives back numbers that no order used, so that refused orders leave no gaps.
    pub(super) async fn give_back(&self, tenant: TenantId, unused: &[String]) {
        let mut shops = self.0.lock().await;
        let Some(blocks) = shops.get_mut(&tenant) else { return };
        for number in unused.iter().rev() {
            let (day, running) = number.split_at(DAY_DIGITS);
            if let (Some(left), Ok(running)) = (blocks.left.get_mut(day), running.parse()) {
                left.push_front(running);
            }
        }
    }
}

/// `20261121`
const DAY_DIGITS: usize = 8;

async fn fetch(store: &Store, tenant: TenantId, day: &str, count: usize) -> Result<RangeInclusive<i64>, StoreError> {
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    store
        .write(move |mut tx| async move {
            let last = tx.next_order_numbers(tenant, day, count).await?;
            tx.keep(last - count + 1..=last).await
        })
        .await
}

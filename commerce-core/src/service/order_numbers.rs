//! Order numbers: the day and a running number. They are fetched from the database in blocks, so that orders do not wait
//! for each other at a counter; a restart leaves a gap, never a double.

use crate::store::{Store, StoreError};
use crate::tenant::TenantId;
use crate::time::Timestamp;
use std::collections::{HashMap, VecDeque};
use tokio::sync::Mutex;

const BLOCK: usize = 128;

#[derive(Default)]
pub(super) struct OrderNumbers(Mutex<HashMap<TenantId, Block>>);

#[derive(Default)]
struct Block {
    utc_offset_minutes: i32,
    day: String,
    left: VecDeque<i64>,
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
        let mut blocks = self.0.lock().await;
        let block = blocks.entry(tenant).or_default();
        if block.left.len() < count || block.day != now.day(block.utc_offset_minutes) {
            match Block::fetch(store, tenant, now, count.max(BLOCK)).await? {
                Some(fetched) => block.refill(fetched),
                None => return Ok(Vec::new()),
            }
        }
        let day = &block.day;
        Ok(block.left.drain(..count).map(|number| format!("{day}{number:07}")).collect())
    }

    /// Gives back numbers that no order used, so that refused orders leave no gaps.
    pub(super) async fn give_back(&self, tenant: TenantId, unused: &[String]) {
        let mut blocks = self.0.lock().await;
        let Some(block) = blocks.get_mut(&tenant) else { return };
        for number in unused.iter().rev().filter_map(|no| no.strip_prefix(&block.day)?.parse().ok()) {
            block.left.push_front(number);
        }
    }
}

impl Block {
    async fn fetch(store: &Store, tenant: TenantId, now: Timestamp, count: usize) -> Result<Option<Self>, StoreError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        store
            .write(move |mut tx| async move {
                let Some(shop) = tx.tenant(tenant).await? else { return Ok(tx.leave(None)) };
                let utc_offset_minutes = shop.settings.utc_offset_minutes;
                let day = now.day(utc_offset_minutes);
                let last = tx.next_order_numbers(tenant, &day, count).await?;
                let block = Self { utc_offset_minutes, day, left: (last - count + 1..=last).collect() };
                tx.keep(Some(block)).await
            })
            .await
    }

    fn refill(&mut self, fetched: Self) {
        if self.day == fetched.day {
            self.left.extend(fetched.left);
        } else {
            *self = fetched;
        }
    }
}

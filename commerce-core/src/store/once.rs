//! Requests that are done once, however often they arrive: their answers, kept in the commit of what they did.

use super::{StoreError, Tx};
use crate::caller::Caller;
use crate::time::Timestamp;

impl Tx {
    /// What this request was answered with, if it was done before. A key belongs to whoever sends it, for one kind of
    /// request; for another request of that kind it is refused.
    pub(crate) async fn answered(&mut self, caller: &Caller, what: &str) -> Result<Option<String>, StoreError> {
        let Some(once) = &caller.once else { return Ok(None) };
        let row = self
            .sql(include_str!("sql/idempotency/find.sql"))
            .text(caller.tenant)
            .text(scope(caller, what))
            .text(&once.key)
            .row()
            .await?;
        let Some(row) = row else { return Ok(None) };
        if row.text("request_hash")? != once.request_hash {
            return Err(StoreError::KeyReused);
        }
        row.text("reply").map(Some)
    }

    /// Keeps the answer to this request.
    pub(crate) async fn keep_answer(
        &mut self,
        caller: &Caller,
        what: &str,
        answer: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(once) = &caller.once else { return Ok(()) };
        let kept = self
            .sql(include_str!("sql/idempotency/insert_one.sql"))
            .text(caller.tenant)
            .text(scope(caller, what))
            .text(&once.key)
            .text(&once.request_hash)
            .text(answer)
            .time(now)
            .changes()
            .await?;
        // Its twin was faster: what this one did is undone, and the second try finds the answer.
        if kept == 1 { Ok(()) } else { Err(self.lost_a_race()) }
    }
}

fn scope(caller: &Caller, what: &str) -> String {
    format!("{what}:{}", caller.named_actor())
}

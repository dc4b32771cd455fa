//! A transaction in the hands of a use case.

use super::StoreError;
use super::conn::{Conn, Moment};
use super::writer::Loan;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Everything done with it is kept whole by [`Tx::keep`], or undone when it is dropped.
pub struct Tx {
    hold: Hold,
}

enum Hold {
    /// SQLite: a turn on the one writing connection.
    Turn(Loan),
    /// PostgreSQL: a transaction of its own.
    Own(Conn),
}

/// What a write answers with: proof that it said whether its changes stay.
pub struct Settled<T>(T);

impl<T> Settled<T> {
    pub(super) fn into_inner(self) -> T {
        self.0
    }

    /// The same, told otherwise.
    pub(crate) fn map<U>(self, tell: impl FnOnce(T) -> U) -> Settled<U> {
        Settled(tell(self.0))
    }
}

impl Tx {
    pub(super) fn turn(mut loan: Loan, lost_a_race: Arc<AtomicBool>) -> Self {
        loan.conn().lost_a_race = lost_a_race;
        Self { hold: Hold::Turn(loan) }
    }

    pub(super) fn own(mut conn: Conn, lost_a_race: Arc<AtomicBool>) -> Self {
        conn.lost_a_race = lost_a_race;
        Self { hold: Hold::Own(conn) }
    }

    /// Commits. When this returns, `answer` may be told to anybody: the disk has it.
    pub async fn keep<T>(self, answer: T) -> Result<Settled<T>, StoreError> {
        match self.hold {
            Hold::Turn(loan) => loan.keep().await?,
            Hold::Own(conn) => {
                let (probe, lost_a_race) = (conn.probe.clone(), conn.lost_a_race.clone());
                probe.survive(Moment::BeforeCommit)?;
                let outcome = conn.commit().await;
                if matches!(outcome, Err(StoreError::Contended)) {
                    lost_a_race.store(true, Ordering::Relaxed);
                }
                outcome?;
                probe.survive(Moment::AfterCommit)?;
            }
        }
        Ok(Settled(answer))
    }

    /// Leaves everything as it was: the answer was there already.
    pub fn leave<T>(self, answer: T) -> Settled<T> {
        Settled(answer)
    }

    /// The guard of a statement did not hold because somebody else was faster: undo everything and look again.
    pub(crate) fn lost_a_race(&self) -> StoreError {
        self.lost_a_race.store(true, Ordering::Relaxed);
        StoreError::Contended
    }
}

impl std::ops::Deref for Tx {
    type Target = Conn;
    fn deref(&self) -> &Conn {
        match &self.hold {
            Hold::Turn(loan) => loan.peek(),
            Hold::Own(conn) => conn,
        }
    }
}

impl std::ops::DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Conn {
        match &mut self.hold {
            Hold::Turn(loan) => loan.conn(),
            Hold::Own(conn) => conn,
        }
    }
}

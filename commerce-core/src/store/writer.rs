//! SQLite has one writer, so writes queue here and **share commits**: while one group is being synced to disk the next
//! one gathers. Each write runs in its caller's task, on a connection that this loop lends it and takes back, inside a
//! savepoint of its own; nobody is answered before the disk has the commit.

use super::conn::{Conn, Moment, Probe};
use super::{Dialect, StoreError};
use sqlx::AnyPool;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// More writes than this in one commit would only make the first of them wait.
const GROUP_MAX: usize = 256;

#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::UnboundedSender<Request>,
}

/// A caller in the queue, waiting for the connection.
struct Request {
    lend: oneshot::Sender<Result<Loan, StoreError>>,
}

/// The connection on loan. Dropped without a word (its caller is gone, or failed), the write is undone.
pub(super) struct Loan {
    conn: Option<Conn>,
    back: Option<oneshot::Sender<Returned>>,
}

struct Returned {
    conn: Conn,
    verdict: Verdict,
}

enum Verdict {
    Keep(oneshot::Sender<Result<(), StoreError>>),
    Undo,
}

impl Writer {
    pub(super) fn start(pool: AnyPool, probe: Arc<Probe>) -> Self {
        let (queue, requests) = mpsc::unbounded_channel();
        tokio::spawn(run(pool, probe, requests));
        Self { queue }
    }

    pub(super) async fn borrow(&self) -> Result<Loan, StoreError> {
        let (lend, loan) = oneshot::channel();
        self.queue.send(Request { lend }).map_err(|_| closed())?;
        loan.await.unwrap_or_else(|_| Err(closed()))
    }
}

const HERE: &str = "the connection is here until it is given back";

impl Loan {
    pub(super) fn conn(&mut self) -> &mut Conn {
        self.conn.as_mut().expect(HERE)
    }

    pub(super) fn peek(&self) -> &Conn {
        self.conn.as_ref().expect(HERE)
    }

    /// Gives the connection back with the write to be kept, and waits until the disk has it.
    pub(super) async fn keep(mut self) -> Result<(), StoreError> {
        let (done, outcome) = oneshot::channel();
        self.give_back(Verdict::Keep(done));
        outcome.await.unwrap_or_else(|_| Err(closed()))
    }

    fn give_back(&mut self, verdict: Verdict) {
        if let (Some(conn), Some(back)) = (self.conn.take(), self.back.take()) {
            // The loop waits for this; were it gone, the transaction would be gone with it.
            drop(back.send(Returned { conn, verdict }));
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        self.give_back(Verdict::Undo);
    }
}

async fn run(pool: AnyPool, probe: Arc<Probe>, mut requests: mpsc::UnboundedReceiver<Request>) {
    while let Some(first) = requests.recv().await {
        match open(&pool, &probe).await {
            Ok(conn) => serve_group(conn, first, &mut requests).await,
            Err(error) => drop(first.lend.send(Err(error))),
        }
    }
}

async fn open(pool: &AnyPool, probe: &Arc<Probe>) -> Result<Conn, StoreError> {
    let mut conn = Conn::plain(pool.acquire().await?, Dialect::Sqlite, probe.clone());
    control(&mut conn, "begin immediate").await?;
    Ok(conn)
}

/// One commit: everybody who is waiting takes a turn, then all of them hear how it went.
async fn serve_group(mut conn: Conn, first: Request, requests: &mut mpsc::UnboundedReceiver<Request>) {
    let mut kept = Vec::new();
    let mut next = Some(first);
    let mut health = Ok(());
    while let Some(request) = next.take() {
        // The first write needs no savepoint: undoing it is undoing everything so far.
        let is_first = kept.is_empty();
        if !is_first {
            health = control(&mut conn, "savepoint turn").await;
        }
        if health.is_err() {
            break;
        }
        let Some(returned) = take_turn(conn, request).await else { return };
        conn = returned.conn;
        health = match (returned.verdict, is_first) {
            (Verdict::Keep(done), true) => {
                kept.push(done);
                Ok(())
            }
            (Verdict::Keep(done), false) => {
                kept.push(done);
                control(&mut conn, "release turn").await
            }
            (Verdict::Undo, true) => both(&mut conn, "rollback", "begin immediate").await,
            (Verdict::Undo, false) => both(&mut conn, "rollback to turn", "release turn").await,
        };
        if health.is_ok() && kept.len() < GROUP_MAX {
            next = requests.try_recv().ok();
        }
    }
    finish(conn, kept, health).await;
}

async fn take_turn(conn: Conn, request: Request) -> Option<Returned> {
    let (back, returned) = oneshot::channel();
    // A caller that gave up while it waited drops the loan, which comes straight back as `Undo`.
    drop(request.lend.send(Ok(Loan { conn: Some(conn), back: Some(back) })));
    returned.await.ok()
}

async fn finish(mut conn: Conn, kept: Vec<oneshot::Sender<Result<(), StoreError>>>, health: Result<(), StoreError>) {
    if kept.is_empty() {
        // Nobody waits for this: whoever left has gone on already.
        drop(control(&mut conn, "rollback").await);
        return;
    }
    let outcome = match health {
        Ok(()) => match conn.probe.survive(Moment::BeforeCommit) {
            Ok(()) => control(&mut conn, "commit").await,
            struck => struck,
        },
        broken => broken,
    };
    if outcome.is_err() {
        // A full disk may have rolled back already; either way nothing of this group stays.
        drop(control(&mut conn, "rollback").await);
    }
    let answer = outcome.and_then(|()| conn.probe.survive(Moment::AfterCommit));
    // The connection is free again before anybody can ask for the next turn.
    drop(conn);
    for done in kept {
        drop(done.send(answer.clone()));
    }
}

async fn both(conn: &mut Conn, first: &'static str, then: &'static str) -> Result<(), StoreError> {
    control(conn, first).await?;
    control(conn, then).await
}

async fn control(conn: &mut Conn, words: &'static str) -> Result<(), StoreError> {
    sqlx::query(words).execute(conn.raw()).await?;
    Ok(())
}

fn closed() -> StoreError {
    StoreError::Unreachable("the store was closed".to_owned())
}

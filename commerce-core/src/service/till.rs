//! The till: what arrives while one group is being written is written together as the next group. A group costs the database
//! as many statements and as many syncs as a single one does.

use super::Desk;
use crate::store::StoreError;
use crate::tenant::TenantId;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};

/// More than this in a group would make the first of them wait for the last.
const GROUP_MAX: usize = 64;
/// How many may stand in line before those behind them have to wait outside.
const LINE_MAX: usize = 4_096;

/// What can be done at a till.
pub(super) trait Work: Send + Sync + Sized + 'static {
    type Answer: Send + 'static;

    fn tenant(&self) -> TenantId;

    /// One answer each, all that succeed in one commit. The group is of one tenant.
    fn do_group(desk: &Desk, group: &[Self]) -> impl Future<Output = Result<Vec<Self::Answer>, StoreError>> + Send;

    fn failed(error: StoreError) -> Self::Answer;
}

pub(super) struct Till<W: Work> {
    line: mpsc::Sender<Standing<W>>,
}

// A derive would ask the same of `W`.
impl<W: Work> Clone for Till<W> {
    fn clone(&self) -> Self {
        Self { line: self.line.clone() }
    }
}

/// Somebody who waits for their turn, and whom to answer.
struct Standing<W: Work> {
    work: W,
    answer: oneshot::Sender<W::Answer>,
}

impl<W: Work> Till<W> {
    pub(super) fn open(desk: &Arc<Desk>, lanes: usize) -> Self {
        let (line, waiting) = mpsc::channel(LINE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..lanes {
            tokio::spawn(serve(desk.clone(), waiting.clone()));
        }
        Self { line }
    }

    pub(super) async fn hand_over(&self, work: W) -> W::Answer {
        let closed = || W::failed(StoreError::Unreachable("the shop is closing".to_owned()));
        let (answer, done) = oneshot::channel();
        if self.line.send(Standing { work, answer }).await.is_err() {
            return closed();
        }
        done.await.unwrap_or_else(|_| closed())
    }
}

async fn serve<W: Work>(desk: Arc<Desk>, waiting: Arc<Mutex<mpsc::Receiver<Standing<W>>>>) {
    loop {
        let mut group = Vec::new();
        if waiting.lock().await.recv_many(&mut group, GROUP_MAX).await == 0 {
            return;
        }
        let mut of_tenant: BTreeMap<_, Vec<Standing<W>>> = BTreeMap::new();
        for standing in group {
            of_tenant.entry(standing.work.tenant()).or_default().push(standing);
        }
        for (_, standing) in of_tenant {
            serve_group(&desk, standing).await;
        }
    }
}

async fn serve_group<W: Work>(desk: &Desk, standing: Vec<Standing<W>>) {
    let (group, waiting): (Vec<W>, Vec<_>) = standing.into_iter().map(|one| (one.work, one.answer)).unzip();
    let answers = match W::do_group(desk, &group).await {
        Ok(answers) => answers,
        // One that the database refuses must not take the others with it.
        Err(StoreError::Constraint(_) | StoreError::Contended | StoreError::Refused(_)) if group.len() > 1 => {
            one_by_one(desk, &group).await
        }
        Err(error) => group.iter().map(|_| W::failed(error.clone())).collect(),
    };
    for (waiting, answer) in waiting.into_iter().zip(answers) {
        // A caller that has gone away hears nothing; what it asked for stands all the same.
        drop(waiting.send(answer));
    }
}

async fn one_by_one<W: Work>(desk: &Desk, group: &[W]) -> Vec<W::Answer> {
    let mut answers = Vec::with_capacity(group.len());
    for work in group {
        match W::do_group(desk, std::slice::from_ref(work)).await {
            Ok(alone) => answers.extend(alone),
            Err(error) => answers.push(W::failed(error)),
        }
    }
    answers
}

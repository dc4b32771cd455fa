//! The till: orders that arrive while one group is being written are written together as the next group. A group costs
//! the database as many statements and as many syncs as a single order does.

use super::Desk;
use super::checkout::PlaceError;
use super::place_order::{Asked, Placed, place_group};
use crate::store::StoreError;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot};

/// More orders than this in a group would make the first of them wait for the last.
const GROUP_MAX: usize = 64;
/// How many may stand in line before those behind them have to wait outside.
const LINE_MAX: usize = 4_096;

#[derive(Clone)]
pub(super) struct Till {
    line: mpsc::Sender<Standing>,
}

/// An order that waits for its turn, and whom to answer.
struct Standing {
    asked: Asked,
    answer: oneshot::Sender<Result<Placed, PlaceError>>,
}

impl Till {
    pub(super) fn open(desk: Arc<Desk>, lanes: usize) -> Self {
        let (line, waiting) = mpsc::channel(LINE_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        for _ in 0..lanes {
            tokio::spawn(serve(desk.clone(), waiting.clone()));
        }
        Self { line }
    }

    pub(super) async fn place(&self, asked: Asked) -> Result<Placed, PlaceError> {
        let closed = || PlaceError::Store(StoreError::Unreachable("the shop is closing".to_owned()));
        let (answer, placed) = oneshot::channel();
        self.line.send(Standing { asked, answer }).await.map_err(|_| closed())?;
        placed.await.unwrap_or_else(|_| Err(closed()))
    }
}

async fn serve(desk: Arc<Desk>, waiting: Arc<Mutex<mpsc::Receiver<Standing>>>) {
    loop {
        let mut group = Vec::new();
        if waiting.lock().await.recv_many(&mut group, GROUP_MAX).await == 0 {
            return;
        }
        let mut of_tenant: BTreeMap<_, Vec<Standing>> = BTreeMap::new();
        for order in group {
            of_tenant.entry(order.asked.caller.tenant).or_default().push(order);
        }
        for (_, orders) in of_tenant {
            serve_group(&desk, orders).await;
        }
    }
}

async fn serve_group(desk: &Desk, standing: Vec<Standing>) {
    let (orders, waiting): (Vec<Asked>, Vec<_>) = standing.into_iter().map(|one| (one.asked, one.answer)).unzip();
    let answers = match place_group(desk, &orders).await {
        Ok(answers) => answers,
        // One order that the database refuses must not take the others with it.
        Err(StoreError::Constraint(_) | StoreError::Contended | StoreError::Refused(_)) if orders.len() > 1 => {
            place_one_by_one(desk, &orders).await
        }
        Err(error) => orders.iter().map(|_| Err(error.clone().into())).collect(),
    };
    for (waiting, answer) in waiting.into_iter().zip(answers) {
        // A caller that has gone away hears nothing; its order stands all the same.
        drop(waiting.send(answer));
    }
}

async fn place_one_by_one(desk: &Desk, orders: &[Asked]) -> Vec<Result<Placed, PlaceError>> {
    let mut answers = Vec::with_capacity(orders.len());
    for order in orders {
        match place_group(desk, std::slice::from_ref(order)).await {
            Ok(alone) => answers.extend(alone),
            Err(error) => answers.push(Err(error.into())),
        }
    }
    answers
}

//! The till: orders that arrive while one group is being written are written together as the next group. A group costs
//! the database as many statements and as many syncs as a single order does.

use super::Desk;
use super::checkout::{OrderRequest, PlaceError};
use super::place_order::{Placed, place_group};
use crate::caller::Caller;
use crate::customer::CustomerId;
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

/// An order that waits for its turn.
pub(super) struct Standing {
    pub(super) caller: Caller,
    pub(super) customer: CustomerId,
    pub(super) key: String,
    pub(super) request: OrderRequest,
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

    pub(super) async fn place(
        &self,
        caller: Caller,
        customer: CustomerId,
        key: String,
        request: OrderRequest,
    ) -> Result<Placed, PlaceError> {
        let closed = || PlaceError::Store(StoreError::Unreachable("the shop is closing".to_owned()));
        let (answer, placed) = oneshot::channel();
        self.line.send(Standing { caller, customer, key, request, answer }).await.map_err(|_| closed())?;
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
            of_tenant.entry(order.caller.tenant).or_default().push(order);
        }
        for (_, orders) in of_tenant {
            serve_group(&desk, orders).await;
        }
    }
}

async fn serve_group(desk: &Desk, orders: Vec<Standing>) {
    let mut answers = place_group(desk, &orders).await;
    // One order that the database refuses must not take the others with it.
    if orders.len() > 1
        && matches!(answers, Err(StoreError::Constraint(_) | StoreError::Contended | StoreError::Refused(_)))
    {
        let mut one_by_one = Vec::with_capacity(orders.len());
        for order in &orders {
            let alone = place_group(desk, std::slice::from_ref(order)).await;
            one_by_one.push(alone.map_or_else(|error| Err(error.into()), |mut answer| answer.remove(0)));
        }
        answers = Ok(one_by_one);
    }
    match answers {
        Ok(answers) => orders.into_iter().zip(answers).for_each(|(order, answer)| drop(order.answer.send(answer))),
        Err(error) => orders.into_iter().for_each(|order| drop(order.answer.send(Err(error.clone().into())))),
    }
}

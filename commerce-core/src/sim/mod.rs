//! The simulation: random operations on a real shop beside a plain model of it, with crashes between any two statements.
//! Everything random comes from the seed, so what fails once fails again.

mod model;
mod money;
mod world;

pub use money::{MoneyReport, run_money};

use crate::error::{Code, Failure};
use crate::order::{OrderError, OrderId};
use crate::service::PlaceError;
use crate::store::{Faults, Moment, Options, Store, StoreError};
use crate::time::{MINUTE, ManualClock, Timestamp};
use model::{Model, Verdict};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use world::World;

/// What a simulation did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub ops: u64,
    pub orders: usize,
    /// Operations the shop refused, as the model said it would.
    pub refused: u64,
    pub crashes: u64,
    pub events: usize,
}

/// Where shop and model parted.
#[derive(Debug, thiserror::Error)]
#[error("seed {seed}, operation {op} ({what}): {difference}; `zhanggui sim {again}` does it again")]
pub struct Divergence {
    pub seed: u64,
    pub op: u64,
    pub what: String,
    pub difference: String,
    /// The run from its beginning up to here.
    pub again: String,
}

/// Strikes once, after so many chances; then rests until it is armed again.
#[derive(Default)]
struct OneStrike(AtomicI64);

const RESTING: i64 = i64::MIN;

impl OneStrike {
    fn arm(&self, after: i64) {
        self.0.store(after, Ordering::SeqCst);
    }

    fn rest(&self) {
        self.0.store(RESTING, Ordering::SeqCst);
    }
}

impl Faults for OneStrike {
    fn strikes(&self, _: Moment) -> bool {
        let left = self.0.load(Ordering::SeqCst);
        if left == RESTING {
            return false;
        }
        self.0.store(if left == 0 { RESTING } else { left - 1 }, Ordering::SeqCst);
        left == 0
    }
}

fn striking(faults: &Arc<OneStrike>) -> Options {
    Options { faults: Some(faults.clone()), ..Options::default() }
}

/// Runs `ops` operations on the empty, migrated database at `url`. `progress` hears of every thousandth.
pub async fn run(url: &str, seed: u64, ops: u64, mut progress: impl FnMut(u64)) -> Result<Report, Divergence> {
    let mut simulation =
        Simulation::start(url, seed).await.map_err(|error| fail(seed, 0, "opening the shop", error))?;
    for op in 1..=ops {
        let what = simulation.step().await.map_err(|(what, difference)| fail(seed, op, what, difference))?;
        let is_milestone = op % 1_000 == 0 || op == ops;
        simulation.compare(is_milestone).await.map_err(|difference| fail(seed, op, what, difference))?;
        if is_milestone {
            progress(op);
        }
    }
    simulation.report.ops = ops;
    simulation.report.orders = simulation.model.orders.len();
    simulation.report.events =
        simulation.count_events().await.map_err(|difference| fail(seed, ops, "reading the event log", difference))?;
    Ok(simulation.report)
}

fn fail(seed: u64, op: u64, what: impl ToString, difference: impl ToString) -> Divergence {
    let again = format!("--seed {seed} --ops {}", op.max(1));
    Divergence { seed, op, what: what.to_string(), difference: difference.to_string(), again }
}

struct Simulation {
    random: StdRng,
    url: String,
    clock: Arc<ManualClock>,
    faults: Arc<OneStrike>,
    world: World,
    model: Model,
    keys: u64,
    /// After how many chances the operation that is drawn now is to crash, if it is.
    crash_after: Option<i64>,
    report: Report,
}

/// One of the operations, each as often as its weight says.
fn draw<T: Copy>(random: &mut StdRng, table: &[(T, u32)]) -> T {
    let mut left = random.random_range(0..table.iter().map(|(_, weight)| weight).sum());
    let drawn = table.iter().find(|(_, weight)| match left.checked_sub(*weight) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    });
    drawn.unwrap_or(&table[0]).0
}

/// What an operation came to.
enum Outcome {
    Done,
    Refused(Code),
    /// The connection broke: it may or may not have happened.
    Unknown,
}

/// The operations, and how often each is drawn.
#[derive(Clone, Copy, Debug)]
enum Op {
    Place,
    PlaceAgain,
    Pay,
    Reclaim,
    Cancel,
    SwapVariant,
    ChangeAddress,
    Fulfil,
    Receive,
    TimePasses,
}

const DRAW: [(Op, u32); 10] = [
    (Op::Place, 30),
    (Op::PlaceAgain, 4),
    (Op::Pay, 18),
    (Op::Reclaim, 3),
    (Op::Cancel, 10),
    (Op::SwapVariant, 6),
    (Op::ChangeAddress, 4),
    (Op::Fulfil, 15),
    (Op::Receive, 5),
    (Op::TimePasses, 5),
];

impl Simulation {
    async fn start(url: &str, seed: u64) -> Result<Self, String> {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_795_000_000_000_000)));
        let faults = Arc::new(OneStrike::default());
        faults.rest();
        let store = Store::open_with(url, striking(&faults)).await.map_err(|error| error.to_string())?;
        let world = World::build(store, clock.clone(), seed).await?;
        let model = Model::of(&world);
        let random = StdRng::seed_from_u64(seed);
        Ok(Self {
            random,
            url: url.to_owned(),
            clock,
            faults,
            world,
            model,
            keys: 0,
            crash_after: None,
            report: Report::default(),
        })
    }

    /// One operation. On a divergence: what was tried, and how shop and model differ.
    async fn step(&mut self) -> Result<String, (String, String)> {
        let op = draw(&mut self.random, &DRAW);
        self.crash_after = self.random.random_bool(0.05).then(|| self.random.random_range(0..16));
        match op {
            Op::Place => self.place(None).await,
            Op::PlaceAgain => self.place(self.model.last_request.clone()).await,
            Op::Pay | Op::Reclaim | Op::Cancel | Op::ChangeAddress | Op::Fulfil => self.touch_order(op).await,
            Op::SwapVariant => self.swap().await,
            Op::Receive => self.receive().await,
            Op::TimePasses => self.time_passes().await,
        }
        .map_err(|difference| (format!("{op:?}"), difference))?;
        self.faults.rest();
        Ok(format!("{op:?}"))
    }

    /// From here on the operation may crash.
    fn brace(&mut self) {
        if let Some(after) = self.crash_after.take() {
            self.faults.arm(after);
        }
    }

    /// A process that lost its database starts anew, with nothing in memory.
    async fn restart(&mut self) -> Result<(), String> {
        self.report.crashes += 1;
        self.faults.rest();
        let store = Store::open_with(&self.url, striking(&self.faults)).await.map_err(|error| error.to_string())?;
        let seed = self.random.random();
        self.world.reopen(store, self.clock.clone(), seed);
        Ok(())
    }

    async fn place(&mut self, again: Option<model::Request>) -> Result<(), String> {
        let request = again.unwrap_or_else(|| {
            self.keys += 1;
            self.model.random_request(&mut self.random, self.keys)
        });
        let expected = self.model.place(&request, crate::time::Clock::now(&*self.clock));
        self.brace();
        let mut placed = self.world.place(&request).await;
        if matches!(placed, Err(PlaceError::Store(StoreError::Unreachable(_)))) {
            self.restart().await?;
            placed = self.world.place(&request).await;
        }
        match (expected, placed) {
            (Verdict::Done, Ok(order)) => self.model.placed(&request, order.order, order.total.minor()),
            (Verdict::Refused(code), Err(error)) if error.code() == code => {
                self.report.refused += 1;
                Ok(())
            }
            (expected, placed) => Err(format!("the model says {expected:?}, the shop {placed:?}")),
        }
    }

    async fn touch_order(&mut self, op: Op) -> Result<(), String> {
        let Some(order) = self.model.random_order(&mut self.random) else { return Ok(()) };
        let expected = match op {
            Op::Pay => self.model.pay(order),
            Op::Reclaim => self.model.reclaim(order),
            Op::Cancel => self.model.cancel(order),
            Op::ChangeAddress => self.model.change_address(order),
            Op::Fulfil => self.model.fulfil(order),
            Op::Place | Op::PlaceAgain | Op::SwapVariant | Op::Receive | Op::TimePasses => Verdict::Done,
        };
        self.brace();
        let mut outcome = self.touch(op, order).await?;
        if matches!(outcome, Outcome::Unknown) {
            self.restart().await?;
            outcome = self.touch_again(op, order).await?;
        }
        self.agree(&expected, &outcome)
    }

    async fn touch(&self, op: Op, order: OrderId) -> Result<Outcome, String> {
        let answer = match op {
            Op::Pay => self.world.pay(order).await,
            Op::Reclaim => self.world.reclaim(order).await,
            Op::Cancel => self.world.cancel(order).await,
            Op::ChangeAddress => self.world.change_address(order).await,
            Op::Fulfil => self.world.fulfil(order).await,
            Op::Place | Op::PlaceAgain | Op::SwapVariant | Op::Receive | Op::TimePasses => Ok(()),
        };
        outcome(answer)
    }

    /// After a crash: these acts may be repeated, except that a step forward must not become two.
    async fn touch_again(&self, op: Op, order: OrderId) -> Result<Outcome, String> {
        let is_there = self.world.state(order).await? == self.model.state(order);
        if matches!(op, Op::Fulfil) && is_there { Ok(Outcome::Done) } else { self.touch(op, order).await }
    }

    async fn swap(&mut self) -> Result<(), String> {
        let Some(order) = self.model.random_order(&mut self.random) else { return Ok(()) };
        let Some((line, to)) = self.world.random_swap(order, &mut self.random).await? else { return Ok(()) };
        let expected = self.model.swap(order, line.position as usize, to);
        self.brace();
        let mut outcome = outcome(self.world.swap(order, line.id, to).await)?;
        if matches!(outcome, Outcome::Unknown) {
            self.restart().await?;
            let is_done = self.world.line_sku(order, line.id).await? == to;
            outcome = if is_done && line.sku != to {
                Outcome::Done
            } else {
                self::outcome(self.world.swap(order, line.id, to).await)?
            };
        }
        self.agree(&expected, &outcome)
    }

    async fn receive(&mut self) -> Result<(), String> {
        let (sku, qty) = self.model.random_delivery(&mut self.random);
        self.model.receive(sku, qty);
        self.brace();
        if let Err(error) = self.world.receive(sku, qty).await {
            if error.code() != Code::DatabaseUnreachable {
                return Err(error.to_string());
            }
            self.restart().await?;
            if self.world.stock(sku).await?.0 != self.model.on_hand(sku) {
                self.world.receive(sku, qty).await.map_err(|error| error.to_string())?;
            }
        }
        Ok(())
    }

    async fn time_passes(&mut self) -> Result<(), String> {
        let minutes = self.random.random_range(1..12);
        self.clock.advance(minutes * MINUTE);
        self.model.time_passes(crate::time::Clock::now(&*self.clock));
        self.brace();
        if matches!(outcome(self.world.sweep().await)?, Outcome::Unknown) {
            self.restart().await?;
            self.world.sweep().await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn agree(&mut self, expected: &Verdict, outcome: &Outcome) -> Result<(), String> {
        match (expected, outcome) {
            (Verdict::Done, Outcome::Done) => Ok(()),
            (Verdict::Refused(code), Outcome::Refused(got)) if code == got => {
                self.report.refused += 1;
                Ok(())
            }
            (expected, Outcome::Done) => Err(format!("the model says {expected:?}, the shop did it")),
            (expected, Outcome::Refused(code)) => {
                Err(format!("the model says {expected:?}, the shop refused with {}", code.name()))
            }
            (expected, Outcome::Unknown) => Err(format!("the model says {expected:?}, the shop broke twice")),
        }
    }

    /// Stock after every operation, everything at milestones.
    async fn compare(&mut self, is_milestone: bool) -> Result<(), String> {
        let found = self.world.all_stock().await?;
        for sku in self.model.skus() {
            let (expected, found) = (self.model.stock(sku), found.get(&sku).copied().unwrap_or_default());
            if expected != found {
                return Err(format!("{sku}: the model has {expected:?} (on hand, reserved), the shop {found:?}"));
            }
        }
        if !is_milestone {
            return Ok(());
        }
        self.world.check_books().await?;
        for (order, expected) in &self.model.orders {
            self.world.check_order(*order, expected).await?;
        }
        Ok(())
    }

    /// Reads the log as a consumer would: every event once, positions without a gap.
    async fn count_events(&self) -> Result<usize, String> {
        let store = self.world.shop.store();
        let mut position = 0;
        let mut seen = std::collections::HashSet::new();
        loop {
            let events = store.events_after(position, 1_000).await.map_err(|error| error.to_string())?;
            if events.is_empty() {
                return Ok(seen.len());
            }
            for placed in events {
                if placed.position != position + 1 || !seen.insert(placed.event.id) {
                    return Err(format!("position {} follows {position}", placed.position));
                }
                position = placed.position;
            }
        }
    }
}

fn outcome(answer: Result<(), OrderError>) -> Result<Outcome, String> {
    match answer {
        Ok(()) => Ok(Outcome::Done),
        Err(OrderError::Store(StoreError::Unreachable(_))) => Ok(Outcome::Unknown),
        Err(OrderError::Store(error)) => Err(error.to_string()),
        Err(error) => Ok(Outcome::Refused(error.code())),
    }
}

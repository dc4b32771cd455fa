//! The simulation of money: shoppers pay through two companies that misbehave, news comes late, twice, forged or never, orders
//! change and are canceled meanwhile, and the shop crashes between any two statements. There is no model beside it: whatever
//! happened, the books balance after every step, and once everything has settled nobody is owed anything.

mod settling;

use super::world::World;
use super::{Divergence, OneStrike, draw, fail, striking};
use crate::after_sale::{CaseKind, Reason};
use crate::caller::Caller;
use crate::error::{Code, Failure};
use crate::ledger::AccountKind;
use crate::money::{Money, Rate};
use crate::order::{Act, OrderId};
use crate::payment::{DisputeState, Method};
use crate::sandbox::{ChargeState, Fault, Op as BankOp, Provider, SandboxChannel, Verdict, wire};
use crate::service::{CaseRequest, Condition, Item, OrderRequest, Shipment};
use crate::store::Store;
use crate::tenant::Settings;
use crate::time::{Clock, DAY, MINUTE, ManualClock, Timestamp};
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a simulation of money did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MoneyReport {
    pub seeds: u64,
    pub ops: u64,
    pub orders: usize,
    /// Payments that came in, refunds that went out.
    pub captured: usize,
    pub given_back: usize,
    /// Disputes that were decided, for either side.
    pub disputed: usize,
    pub refused: u64,
    pub crashes: u64,
}

const BANKS: [&str; 2] = ["sandbox", "other"];
/// The whole of the books is verified after so many seeds, and at the end.
const VERIFY_EVERY: u64 = 25;

/// Runs `ops` operations for each seed on the empty, migrated database at `url`.
pub async fn run_money(
    url: &str,
    seeds: Range<u64>,
    ops: u64,
    progress: impl FnMut(u64),
) -> Result<MoneyReport, Divergence> {
    let first = seeds.start;
    // Database, clock and banks go over from one seed to the next, so that no seed does the same without those before it.
    play(url, seeds, ops, progress).await.map_err(|divergence| {
        let again = format!("--seed {first} --money {}", divergence.seed - first + 1);
        Divergence { again, ..divergence }
    })
}

async fn play(
    url: &str,
    seeds: Range<u64>,
    ops: u64,
    mut progress: impl FnMut(u64),
) -> Result<MoneyReport, Divergence> {
    let first = seeds.start;
    let mut shop = Market::open(url, first).await.map_err(|error| fail(first, 0, "opening the shop", error))?;
    for seed in seeds {
        shop.begin(seed).await.map_err(|difference| fail(seed, 0, "receiving goods", difference))?;
        for op in 1..=ops {
            let what = shop.step().await.map_err(|(what, difference)| fail(seed, op, what, difference))?;
            shop.check_sums().await.map_err(|difference| fail(seed, op, what, difference))?;
        }
        shop.settle_down().await.map_err(|difference| fail(seed, ops, "settling down", difference))?;
        if seed % VERIFY_EVERY == 0 {
            shop.verify().await.map_err(|difference| fail(seed, ops, "verifying", difference))?;
        }
        shop.report.seeds += 1;
        shop.report.ops += ops;
        progress(seed);
    }
    shop.verify().await.map_err(|difference| fail(shop.seed, ops, "verifying", difference))?;
    Ok(shop.report)
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Place,
    Pay,
    PayWithCard,
    ShopperPays,
    Deliver,
    Chase,
    Misbehave,
    Swap,
    Cancel,
    GoodWill,
    Fulfil,
    Return,
    SecondLook,
    Complain,
    Argue,
    Decide,
    TimePasses,
}

const DRAW: [(Op, u32); 17] = [
    (Op::Place, 14),
    (Op::Pay, 16),
    (Op::PayWithCard, 5),
    (Op::ShopperPays, 16),
    (Op::Deliver, 14),
    (Op::Chase, 8),
    (Op::Misbehave, 8),
    (Op::Swap, 5),
    (Op::Cancel, 5),
    (Op::GoodWill, 2),
    (Op::Fulfil, 6),
    (Op::Return, 3),
    (Op::SecondLook, 2),
    (Op::Complain, 3),
    (Op::Argue, 2),
    (Op::Decide, 2),
    (Op::TimePasses, 5),
];

const FAULTS: [(BankOp, Fault); 16] = [
    (BankOp::Create, Fault::TimeoutAfterSuccess),
    (BankOp::Create, Fault::Timeout),
    (BankOp::Create, Fault::Refuse),
    (BankOp::Query, Fault::Timeout),
    (BankOp::Close, Fault::Timeout),
    (BankOp::Close, Fault::TimeoutAfterSuccess),
    (BankOp::Refund, Fault::TimeoutAfterSuccess),
    (BankOp::Refund, Fault::ServerError),
    (BankOp::AnswerDispute, Fault::TimeoutAfterSuccess),
    (BankOp::AnswerDispute, Fault::Refuse),
    (BankOp::QueryDisputes, Fault::Timeout),
    (BankOp::Notify, Fault::Silent),
    (BankOp::Notify, Fault::Duplicate),
    (BankOp::Notify, Fault::Late),
    (BankOp::Notify, Fault::Forged),
    (BankOp::Notify, Fault::WrongAmount),
];

struct Market {
    random: StdRng,
    url: String,
    clock: Arc<ManualClock>,
    faults: Arc<OneStrike>,
    world: World,
    banks: Vec<Arc<Mutex<Provider>>>,
    /// The orders of this seed.
    orders: Vec<OrderId>,
    seed: u64,
    keys: u64,
    report: MoneyReport,
}

/// What an operation came to; `Err` is a divergence.
type Done = Result<(), String>;

impl Market {
    async fn open(url: &str, seed: u64) -> Result<Self, String> {
        let clock = Arc::new(ManualClock::at(Timestamp::from_micros(1_795_000_000_000_000)));
        let faults = Arc::new(OneStrike::default());
        faults.rest();
        let store = Store::open_with(url, striking(&faults)).await.map_err(|error| error.to_string())?;
        let world = World::build(store, clock.clone(), seed).await?;
        let settings = Settings { refund_check_over: Some(CHECKED_OVER), ..Settings::default() };
        let staff = Caller::staff(world.tenant());
        world.shop.change_settings(&staff, settings).await.map_err(|error| error.to_string())?;
        let bank = |code: &&str| Arc::new(Mutex::new(Provider::new("M-1", FEE, wire::keys_from(code).0)));
        let banks = BANKS.iter().map(bank).collect();
        let random = StdRng::seed_from_u64(seed);
        let (orders, report) = (Vec::new(), MoneyReport::default());
        let market = Self { random, url: url.to_owned(), clock, faults, world, banks, orders, seed, keys: 0, report };
        market.connect();
        Ok(market)
    }

    fn connect(&self) {
        for (code, provider) in BANKS.iter().zip(&self.banks) {
            let keys = wire::keys_from(code).1;
            let clock: Arc<dyn Clock> = self.clock.clone();
            let channel = SandboxChannel::new(provider.clone(), keys, FEE, clock).called(code);
            self.world.shop.connect(self.world.tenant(), Arc::new(channel));
        }
    }

    /// A few goods come in, few enough that some orders find nothing left.
    async fn begin(&mut self, seed: u64) -> Done {
        self.random = StdRng::seed_from_u64(seed);
        self.seed = seed;
        self.orders.clear();
        for _ in 0..3 {
            let (sku, _) = self.world.skus[self.random.random_range(0..self.world.skus.len())];
            self.world.receive(sku, 3).await.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn bank(&self, i: usize) -> MutexGuard<'_, Provider> {
        self.banks[i].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn staff(&self) -> Caller {
        Caller::staff(self.world.tenant()).named("li")
    }

    fn second_person(&self) -> Caller {
        Caller::staff(self.world.tenant()).named("wang")
    }

    fn system(&self) -> Caller {
        Caller::system(self.world.tenant())
    }

    /// One operation, which may crash. What it tried, or where it went wrong.
    async fn step(&mut self) -> Result<String, (String, String)> {
        let op = draw(&mut self.random, &DRAW);
        if self.random.random_bool(0.1) {
            self.faults.arm(self.random.random_range(0..24));
        }
        let done = self.run(op).await;
        self.faults.rest();
        let what = format!("{op:?}");
        done.map_err(|difference| (what.clone(), difference))?;
        Ok(what)
    }

    async fn run(&mut self, op: Op) -> Done {
        match op {
            Op::Place => self.place().await,
            Op::Pay => self.pay(None).await,
            Op::PayWithCard => self.pay_with_card().await,
            Op::ShopperPays => self.shopper_pays(),
            Op::Deliver => self.deliver(Patience::Little).await,
            Op::Chase => self.chase().await,
            Op::Misbehave => self.misbehave(),
            Op::Swap => self.swap().await,
            Op::Cancel => self.cancel().await,
            Op::GoodWill => self.good_will().await,
            Op::Fulfil => self.fulfil().await,
            Op::Return => self.give_back_goods().await,
            Op::SecondLook => self.second_look().await,
            Op::Complain => self.complain(),
            Op::Argue => self.argue().await,
            Op::Decide => self.decide(),
            Op::TimePasses => self.time_passes(20).await,
        }
    }

    /// A refusal is an answer, a crash means starting anew; anything else is a divergence.
    async fn outcome<T, E: Failure>(&mut self, answer: Result<T, E>) -> Result<Option<T>, String> {
        match answer {
            Ok(done) => Ok(Some(done)),
            Err(error) => match error.code() {
                Code::DatabaseUnreachable => self.restart().await.map(|()| None),
                Code::Internal | Code::BooksDisagree => Err(error.to_string()),
                _ => {
                    self.report.refused += 1;
                    Ok(None)
                }
            },
        }
    }

    async fn restart(&mut self) -> Done {
        self.report.crashes += 1;
        self.faults.rest();
        let store = Store::open_with(&self.url, striking(&self.faults)).await.map_err(|error| error.to_string())?;
        let seed = self.random.random();
        self.world.reopen(store, self.clock.clone(), seed);
        self.connect();
        Ok(())
    }

    fn any_order(&mut self) -> Option<OrderId> {
        self.orders.choose(&mut self.random).copied()
    }

    async fn place(&mut self) -> Done {
        self.keys += 1;
        let (customer, addresses) = self.world.customers[self.random.random_range(0..self.world.customers.len())];
        let (sku, _) = self.world.skus[self.random.random_range(0..self.world.skus.len())];
        let request = OrderRequest {
            items: vec![Item::of(sku, self.random.random_range(1..4))],
            address: Some(addresses[0]),
            channel: "h5".into(),
            ..OrderRequest::default()
        };
        let key = format!("money-{}-{}", self.seed, self.keys);
        let caller = Caller::shopper(self.world.tenant(), customer);
        let placed = self.world.shop.place_order(&caller, customer, &key, request.clone()).await;
        if let Some(placed) = self.outcome(placed).await? {
            self.orders.push(placed.order);
            return Ok(());
        }
        // It may stand although the answer got lost; the same key tells.
        let again = self.world.shop.place_order(&caller, customer, &key, request).await;
        if let Some(placed) = self.outcome(again).await? {
            self.orders.push(placed.order);
        }
        Ok(())
    }

    async fn pay(&mut self, card: Option<String>) -> Done {
        let Some(order) = self.any_order() else { return Ok(()) };
        let bank = BANKS[self.random.random_range(0..BANKS.len())];
        let mut methods = vec![Method::Channel { code: bank.to_owned() }];
        methods.extend(card.map(|code| Method::GiftCard { code }));
        let paying = self.world.shop.pay(&self.system(), order, &methods).await;
        self.outcome(paying).await.map(drop)
    }

    async fn pay_with_card(&mut self) -> Done {
        let amount = Money::from_minor(self.random.random_range(100..3_000), crate::money::Currency::CNY);
        let until = self.clock.now().plus_micros(DAY);
        let from = AccountKind::Promotion.own();
        let issued = self.world.shop.issue_gift_card(&self.staff(), amount, from, until).await;
        match self.outcome(issued).await? {
            Some(issued) => self.pay(Some(issued.code.reveal().to_owned())).await,
            None => Ok(()),
        }
    }

    /// Somebody pays an open charge on the company's page, for an order of this seed or of an earlier one.
    fn shopper_pays(&mut self) -> Done {
        let i = self.random.random_range(0..self.banks.len());
        let open: Vec<String> = {
            let bank = self.bank(i);
            let open = bank.charges().filter(|charge| charge.state == ChargeState::Open);
            open.map(|charge| charge.trade_no.clone()).collect()
        };
        let Some(chosen) = open.choose(&mut self.random) else { return Ok(()) };
        let now = self.clock.now();
        // The page may be closed by now: then it says so.
        drop(self.bank(i).pay(chosen, now));
        Ok(())
    }

    fn misbehave(&mut self) -> Done {
        let (op, fault) = FAULTS[self.random.random_range(0..FAULTS.len())];
        let i = self.random.random_range(0..self.banks.len());
        self.bank(i).misbehave(op, [fault]);
        Ok(())
    }

    /// What is due is delivered in any order; with little patience some of it is lost, and some arrives twice.
    async fn deliver(&mut self, patience: Patience) -> Done {
        let now = self.clock.now();
        let mut due = Vec::new();
        for (i, code) in BANKS.iter().enumerate() {
            due.extend(self.bank(i).deliveries(now).into_iter().map(|delivery| (i, *code, delivery)));
        }
        due.shuffle(&mut self.random);
        for (i, code, delivery) in due {
            let chance = if patience == Patience::Little { self.random.random_range(0..10) } else { 9 };
            let times = match chance {
                0 | 1 => 0,
                2 => 2,
                _ => 1,
            };
            for _ in 0..times {
                let answer = self.world.shop.take_notification(&self.system(), code, &delivery.message).await;
                let is_lost = answer.as_ref().is_err_and(|error| error.code() == Code::DatabaseUnreachable);
                self.outcome(answer).await?;
                if !is_lost {
                    self.bank(i).delivered(&delivery.event_id);
                }
            }
        }
        Ok(())
    }

    async fn chase(&mut self) -> Done {
        let chased = self.world.shop.chase(&self.system()).await;
        self.outcome(chased).await.map(drop)
    }

    async fn swap(&mut self) -> Done {
        let Some(order) = self.any_order() else { return Ok(()) };
        // Only a crash keeps it from looking.
        let Ok(found) = self.world.random_swap(order, &mut self.random).await else { return self.restart().await };
        let Some((line, to)) = found else { return Ok(()) };
        let swapped = self.world.shop.swap_variant(&self.system(), order, line.id, to).await;
        self.outcome(swapped).await.map(drop)
    }

    async fn cancel(&mut self) -> Done {
        let Some(order) = self.any_order() else { return Ok(()) };
        let canceled = self.world.shop.cancel_order(&self.staff(), order, "simulated").await;
        self.outcome(canceled).await.map(drop)
    }

    async fn good_will(&mut self) -> Done {
        let Some(order) = self.any_order() else { return Ok(()) };
        let amount = Money::from_minor(self.random.random_range(1..500), crate::money::Currency::CNY);
        let refunded = self.world.shop.compensate(&self.staff(), order, amount, "simulated").await;
        self.outcome(refunded).await.map(drop)
    }

    /// All the way to the buyer's door, as far as it goes.
    async fn fulfil(&mut self) -> Done {
        let Some(order) = self.any_order() else { return Ok(()) };
        let staff = self.staff();
        let allocated = self.world.shop.allocate_order(&staff, order).await;
        if self.outcome(allocated).await?.is_none() {
            return Ok(());
        }
        for act in [Act::Pick, Act::Pack] {
            let moved = self.world.shop.move_order(&staff, order, act).await;
            self.outcome(moved).await?;
        }
        let parcels = self.world.shop.parcels(&staff, order).await;
        for parcel in self.outcome(parcels).await?.unwrap_or_default() {
            let shipped = self.world.shop.ship_parcel(&staff, parcel.id, &Shipment::default()).await;
            self.outcome(shipped).await?;
            let delivered = self.world.shop.deliver_parcel(&staff, parcel.id).await;
            self.outcome(delivered).await?;
        }
        Ok(())
    }

    async fn give_back_goods(&mut self) -> Done {
        let Some(order) = self.any_order() else { return Ok(()) };
        let staff = self.staff();
        let found = self.world.shop.order(&staff, order).await;
        let Some((_, lines)) = self.outcome(found).await? else { return Ok(()) };
        let request = CaseRequest {
            kind: CaseKind::Return,
            items: vec![(lines[0].id, 1)],
            exchange_to: None,
            reason: Reason::Damaged,
            note: String::new(),
        };
        let applied = self.world.shop.apply_after_sale(&staff, order, &request).await;
        for case in self.outcome(applied).await?.unwrap_or_default() {
            let approved = self.world.shop.approve_case(&staff, case.id, "").await;
            self.outcome(approved).await?;
            let received = self.world.shop.receive_returned(&staff, case.id, Condition::Resell).await;
            self.outcome(received).await?;
        }
        Ok(())
    }

    /// Somebody else looks at the refunds that wait for it, and sometimes says no.
    async fn second_look(&mut self) -> Done {
        let waiting = self.world.shop.refunds_to_approve(&self.staff()).await;
        let waiting = self.outcome(waiting).await?.unwrap_or_default();
        let Some(refund) = waiting.choose(&mut self.random) else { return Ok(()) };
        let (order, chosen, second) = (refund.order, [refund.id], self.second_person());
        let looked = match self.random.random_bool(0.3) {
            true => self.world.shop.reject_refunds(&second, order, &chosen, "simulated").await,
            false => self.world.shop.approve_refunds(&second, order, &chosen).await,
        };
        self.outcome(looked).await.map(drop)
    }

    /// A buyer asks the bank for some of the money back.
    fn complain(&mut self) -> Done {
        let i = self.random.random_range(0..self.banks.len());
        let paid: Vec<(String, Money)> = {
            let bank = self.bank(i);
            let paid = bank.charges().filter(|charge| charge.state == ChargeState::Paid);
            paid.map(|charge| (charge.trade_no.clone(), charge.amount)).collect()
        };
        let Some((trade_no, amount)) = paid.choose(&mut self.random) else { return Ok(()) };
        let part = if self.random.random_bool(0.5) { amount.minor() } else { amount.minor() / 2 };
        let (now, claimed) = (self.clock.now(), Money::from_minor(part, amount.currency()));
        // All of it may have gone back by now.
        drop(self.bank(i).complain(trade_no, claimed, "simulated", now));
        Ok(())
    }

    async fn argue(&mut self) -> Done {
        let open = self.world.shop.open_disputes(&self.staff()).await;
        let mut open = self.outcome(open).await?.unwrap_or_default();
        open.retain(|dispute| dispute.state == DisputeState::Open);
        let Some(dispute) = open.choose(&mut self.random) else { return Ok(()) };
        let answered = match self.random.random_bool(0.3) {
            true => self.world.shop.accept_dispute(&self.staff(), dispute.id).await,
            false => self.world.shop.contest_dispute(&self.staff(), dispute.id, "simulated").await,
        };
        self.outcome(answered).await.map(drop)
    }

    /// A bank decides, whether it was answered or not.
    fn decide(&mut self) -> Done {
        let i = self.random.random_range(0..self.banks.len());
        let open: Vec<String> = {
            let bank = self.bank(i);
            let open = bank.complaints().filter(|complaint| !complaint.state.is_decided());
            open.map(|complaint| complaint.dispute_no.clone()).collect()
        };
        let Some(dispute_no) = open.choose(&mut self.random) else { return Ok(()) };
        let verdict = if self.random.random_bool(0.5) { Verdict::BuyerWins } else { Verdict::MerchantWins };
        let now = self.clock.now();
        drop(self.bank(i).decide(dispute_no, verdict, now));
        Ok(())
    }

    async fn time_passes(&mut self, minutes_max: i64) -> Done {
        self.clock.advance(self.random.random_range(1..=minutes_max) * MINUTE);
        let swept = self.world.sweep().await;
        self.outcome(swept).await.map(drop)
    }
}

/// Most of what is given back for good will and for goods goes out on one person's word, some needs two.
const CHECKED_OVER: i64 = 2_000;

const FEE: Rate = Rate::from_basis_points(60);

/// Whether messages get through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Patience {
    Little,
    Much,
}

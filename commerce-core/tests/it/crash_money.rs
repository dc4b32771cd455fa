//! `kill -9` at any moment between ordering and refunding: what was acknowledged is there, nothing is paid or given back
//! twice, and the books of the shop and of the bank say the same.
//!
//! The bank outlives its callers: it writes down what it does before it answers, and every child reads that first.

use crate::crash::{say, work_until_killed};
use crate::db::Db;
use crate::shop::TestShop;
use commerce_core::Shop;
use commerce_core::caller::Caller;
use commerce_core::customer::CustomerId;
use commerce_core::id::Mint;
use commerce_core::money::{Currency, Money, Rate};
use commerce_core::order::{OrderId, State};
use commerce_core::payment::{Method, PaymentId, RefundId};
use commerce_core::port::{
    Answer, Claim, DisputeReply, DisputeStanding, Forged, Notification, PaymentChannel, PaymentRequest,
    RawNotification, RefundRequest, RefundStanding, Standing, Started, Terms,
};
use commerce_core::sandbox::{Charge, ChargeState, Provider, Return, SandboxChannel, wire};
use commerce_core::store::Store;
use commerce_core::time::{Clock, MINUTE, ManualClock, SystemClock, Timestamp};
use commerce_core::{Item, OrderRequest};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const KILLS: usize = 200;
const FEE: Rate = Rate::from_basis_points(60);

/// A bank whose books are a file.
struct Bank {
    provider: Arc<Mutex<Provider>>,
    channel: SandboxChannel,
    journal: Mutex<File>,
}

impl Bank {
    fn open(path: &Path, clock: Arc<dyn Clock>) -> Arc<Self> {
        let (keys, merchant_keys) = wire::keys_from("crash");
        let provider = Arc::new(Mutex::new(Provider::new("M-1", FEE, keys)));
        if let Ok(file) = File::open(path) {
            let mut bank = provider.lock().unwrap();
            // A line that was cut off was never answered.
            for line in BufReader::new(file).lines().map_while(Result::ok).filter(|line| line.ends_with(" .")) {
                do_again(&mut bank, &line);
            }
        }
        let channel = SandboxChannel::new(provider.clone(), merchant_keys, FEE, clock);
        let journal = Mutex::new(OpenOptions::new().create(true).append(true).open(path).unwrap());
        Arc::new(Self { provider, channel, journal })
    }

    fn note(&self, what: &str) {
        // One write: a kill leaves all of it or none.
        self.journal.lock().unwrap().write_all(format!("{what} .\n").as_bytes()).unwrap();
    }

    fn pay(&self, payment: PaymentId, now: Timestamp) -> bool {
        let mut bank = self.provider.lock().unwrap();
        let is_open =
            bank.charge(&payment.to_string()).is_some_and(|c| c.state == ChargeState::Open && c.expires_at > now);
        if is_open {
            self.note(&format!("pay {payment} {}", now.micros()));
            bank.pay(&payment.to_string(), now).unwrap();
        }
        is_open
    }
}

fn do_again(bank: &mut Provider, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    let time = |word: &str| Timestamp::from_micros(word.parse().unwrap());
    let money = |word: &str| Money::from_minor(word.parse().unwrap(), Currency::CNY);
    match words[0] {
        "create" => drop(bank.create(charge(words[1], money(words[2]), words[3], time(words[4])))),
        "pay" => drop(bank.pay(words[1], time(words[2]))),
        "close" => drop(bank.close(words[1]).map(|charge| charge.state)),
        "refund" => drop(bank.refund(back(words[1], words[2], money(words[3])), time(words[4]))),
        other => panic!("{other} is nothing a bank does"),
    }
}

fn charge(trade_no: &str, amount: Money, description: &str, expires_at: Timestamp) -> Charge {
    Charge {
        trade_no: trade_no.into(),
        channel_no: String::new(),
        amount,
        description: description.into(),
        expires_at,
        state: ChargeState::Open,
        paid_at: Timestamp::from_micros(0),
        notify_url: "sandbox".into(),
    }
}

fn back(refund_no: &str, trade_no: &str, amount: Money) -> Return {
    Return {
        refund_no: refund_no.into(),
        trade_no: trade_no.into(),
        channel_no: String::new(),
        amount,
        done_at: Timestamp::from_micros(0),
        failure: String::new(),
    }
}

impl PaymentChannel for Bank {
    fn terms(&self) -> &Terms {
        self.channel.terms()
    }

    fn create<'a>(&'a self, request: &'a PaymentRequest) -> Answer<'a, Started> {
        let (amount, until) = (request.amount.minor(), request.expires_at.micros());
        self.note(&format!("create {} {amount} {} {until}", request.payment, request.subject));
        self.channel.create(request)
    }

    fn query(&self, payment: PaymentId) -> Answer<'_, Standing> {
        self.channel.query(payment)
    }

    fn close(&self, payment: PaymentId) -> Answer<'_, Standing> {
        self.note(&format!("close {payment}"));
        self.channel.close(payment)
    }

    fn refund<'a>(&'a self, request: &'a RefundRequest) -> Answer<'a, RefundStanding> {
        let now = SystemClock.now().micros();
        self.note(&format!("refund {} {} {} {now}", request.refund, request.payment, request.amount.minor()));
        self.channel.refund(request)
    }

    fn query_refund(&self, refund: RefundId) -> Answer<'_, RefundStanding> {
        self.channel.query_refund(refund)
    }

    fn answer_dispute<'a>(&'a self, reply: &'a DisputeReply) -> Answer<'a, DisputeStanding> {
        self.channel.answer_dispute(reply)
    }

    fn disputes(&self, since: Timestamp) -> Answer<'_, Vec<Claim>> {
        self.channel.disputes(since)
    }

    fn read_notification(&self, message: &RawNotification, now: Timestamp) -> Result<Notification, Forged> {
        self.channel.read_notification(message, now)
    }

    fn statement<'a>(&'a self, day: &'a str) -> Answer<'a, Vec<u8>> {
        self.channel.statement(day)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_kills_pay_nothing_twice_and_lose_no_payment() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let product = t.product("HONEY", commerce_core::catalog::ProductKind::Physical);
        let skus = [t.sku(&product, "HONEY-S", "60.00"), t.sku(&product, "HONEY-L", "90.00")];
        t.shop.save_products(&t.staff(), &[(product, skus.to_vec())]).await.unwrap();
        for sku in &skus {
            t.receive(sku.id, 1_000_000).await;
        }
        t.add_customer("C1").await;
        let books = tempfile::tempdir().unwrap();
        let bank = books.path().join("bank");
        let mut random = StdRng::seed_from_u64(9);
        let mut acknowledged: HashMap<OrderId, String> = HashMap::new();
        let mut productive = 0;
        for life in 0..KILLS {
            // The last one lives long enough to come all the way round, however slow the machine.
            let after = if life + 1 == KILLS { 5_000 } else { random.random_range(20..120) };
            let after = Duration::from_millis(after);
            let envs = [
                ("MONEY_CHILD_URL", db.url.clone()),
                ("MONEY_CHILD_LIFE", life.to_string()),
                ("MONEY_CHILD_BANK", bank.display().to_string()),
            ];
            let lines = work_until_killed("crash_money::child_that_pays", life, &envs, after);
            productive += usize::from(!lines.is_empty());
            for line in lines {
                let (order, what) = line.split_once(' ').unwrap();
                acknowledged.insert(order.parse().unwrap(), what.to_owned());
            }
        }
        assert!(productive >= KILLS / 2, "{}: only {productive} children worked", db.name);
        check(&db, &t, &bank, &acknowledged).await;
    }
}

/// Settles everything, then compares: what was acknowledged, the bank's books, ours.
async fn check(db: &Db, t: &TestShop, bank: &Path, acknowledged: &HashMap<OrderId, String>) {
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let shop = Shop::with(db.store().await, clock.clone(), Mint::from_system());
    let bank = Bank::open(bank, clock.clone());
    shop.connect(t.tenant, bank.clone());
    let system = t.system();
    for _ in 0..400 {
        clock.advance(11 * MINUTE);
        shop.sweep(&system).await.unwrap();
        let chased = shop.chase(&system).await.unwrap();
        if (chased.payments, chased.refunds) == (0, 0) {
            break;
        }
    }
    let (mut paid, mut canceled) = (0, 0);
    for (order, what) in acknowledged {
        let paying = shop.payments(&system, *order).await.expect("what was acknowledged is there");
        let state = paying.order.state;
        match what.as_str() {
            "PAID" => {
                assert!(matches!(state, State::Paid | State::Canceled), "{}: {order} was paid and is {state}", db.name);
                paid += 1;
            }
            "CANCELED" => {
                assert_eq!((state, paying.order.paid.minor()), (State::Canceled, 0), "{}: {order}", db.name);
                canceled += 1;
            }
            _ => {}
        }
        assert!(!paying.order.owes().unwrap().is_negative(), "{}: {order} is owed money", db.name);
        let books = bank.provider.lock().unwrap();
        for payment in &paying.payments {
            let no = payment.id.to_string();
            let is_paid = books.charge(&no).is_some_and(|charge| charge.state == ChargeState::Paid);
            assert_eq!(is_paid, payment.state.is_captured(), "{}: {no} of {order} is {}", db.name, payment.state);
            let back: i64 = books.returns().filter(|b| b.trade_no == no).map(|b| b.amount.minor()).sum();
            assert_eq!(back, payment.refunded.minor(), "{}: {no} of {order}", db.name);
        }
    }
    assert!(paid > 0 && canceled > 0, "{}: {paid} paid, {canceled} canceled", db.name);
    t.assert_books().await;
    println!("{}: {} acknowledged, {paid} paid, {canceled} canceled and paid back", db.name, acknowledged.len());
}

/// Not a test of its own: the body of the child. Without its environment there is nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_pays() {
    let env = |name: &str| std::env::var(name);
    let (Ok(url), Ok(life), Ok(bank)) = (env("MONEY_CHILD_URL"), env("MONEY_CHILD_LIFE"), env("MONEY_CHILD_BANK"))
    else {
        return;
    };
    let shop = Shop::with(Store::open(&url).await.unwrap(), Arc::new(SystemClock), Mint::from_system());
    let tenant = shop.tenant("shop").await.unwrap().id;
    let bank = Bank::open(Path::new(&bank), Arc::new(SystemClock));
    shop.connect(tenant, bank.clone());
    let of_code = |code: &str| commerce_core::catalog::id_of_code(tenant, code);
    let (small, large) = (of_code("HONEY-S"), of_code("HONEY-L"));
    let customer: CustomerId = commerce_core::catalog::id_of_code(tenant, "C1");
    let address = commerce_core::catalog::id_of_code(tenant, "C1-home");
    let (buyer, system) = (Caller::shopper(tenant, customer), Caller::system(tenant));
    // The test harness has left its own line open.
    say("\nREADY");
    for number in 0_u64.. {
        let request = OrderRequest {
            items: vec![Item::of(small, 2)],
            address: Some(address),
            channel: "h5".into(),
            ..OrderRequest::default()
        };
        let key = format!("money-{life}-{number}");
        let order = shop.place_order(&buyer, customer, &key, request).await.unwrap().order;
        say(&format!("ACK {order} PLACED ."));
        pay(&shop, &bank, &buyer, order).await;
        say(&format!("ACK {order} PAID ."));
        // Something dearer, and the difference on top; then, now and then, nothing at all.
        let line = shop.order(&buyer, order).await.unwrap().1[0].id;
        if number % 2 == 0 {
            shop.swap_variant(&buyer, order, line, large).await.unwrap();
            pay(&shop, &bank, &buyer, order).await;
        }
        if number % 3 != 1 {
            shop.cancel_order(&buyer, order, "").await.unwrap();
            say(&format!("ACK {order} CANCELED ."));
            shop.chase(&system).await.unwrap();
        }
    }
}

async fn pay(shop: &Shop, bank: &Bank, buyer: &Caller, order: OrderId) {
    let method = Method::Channel { code: "sandbox".into() };
    let paying = shop.pay(buyer, order, &[method]).await.unwrap();
    let open = paying.payments.iter().rfind(|payment| payment.state.is_open()).unwrap();
    let now = shop.now();
    assert!(bank.pay(open.id, now));
    let due = bank.provider.lock().unwrap().deliveries(now.plus_micros(MINUTE));
    for delivery in due {
        // News of earlier lives comes along; old news is refused, and asked for by the janitor.
        drop(shop.take_notification(&Caller::system(buyer.tenant), "sandbox", &delivery.message).await);
        bank.provider.lock().unwrap().delivered(&delivery.event_id);
    }
}

//! Money in and money back, through a channel that misbehaves.

use crate::db::Db;
use crate::shop::{Buyer, TestShop, yuan};
use commerce_core::catalog::SkuId;
use commerce_core::error::{Code, Failure};
use commerce_core::ledger::AccountKind;
use commerce_core::money::{Money, Rate};
use commerce_core::order::{Hold, OrderError, OrderId, State};
use commerce_core::payment::{Method, PaymentError, PaymentState, PaymentStatus, RefundState};
use commerce_core::port::{FeeOnRefund, RawNotification};
use commerce_core::sandbox::{Fault, Op, Provider, SandboxChannel, wire};
use commerce_core::store::AccountSearch;
use commerce_core::time::{Clock, DAY, HOUR, MINUTE};
use commerce_core::{Heard, Paying};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use std::sync::{Arc, Mutex, MutexGuard};

/// A payment company, and the shop's connection to it.
#[derive(Clone)]
pub(crate) struct Bank {
    pub(crate) code: String,
    provider: Arc<Mutex<Provider>>,
}

impl Bank {
    /// Half a per cent, kept on refunds.
    pub(crate) fn connect(t: &TestShop, code: &str) -> Self {
        Self::connect_on(t, code, FeeOnRefund::Kept)
    }

    fn connect_on(t: &TestShop, code: &str, fee_on_refund: FeeOnRefund) -> Self {
        let fee = Rate::from_basis_points(50);
        let (keys, merchant_keys) = wire::keys_from(code);
        let provider = Arc::new(Mutex::new(Provider::new("M-1", fee, keys)));
        let channel = SandboxChannel::new(provider.clone(), merchant_keys, fee, t.clock.clone() as Arc<dyn Clock>);
        t.shop.connect(t.tenant, Arc::new(channel.called(code).with_fee_on_refund(fee_on_refund)));
        Self { code: code.to_owned(), provider }
    }

    pub(crate) fn it(&self) -> MutexGuard<'_, Provider> {
        self.provider.lock().unwrap()
    }

    pub(crate) fn method(&self) -> Method {
        Method::Channel { code: self.code.clone() }
    }

    /// The shopper pays on the payment page.
    pub(crate) fn pays(&self, t: &TestShop, paying: &Paying) {
        let open = paying.payments.iter().rfind(|p| p.channel == self.code && p.state.is_open()).unwrap();
        self.it().pay(&open.id.to_string(), t.clock.now()).unwrap();
    }

    fn messages(&self, t: &TestShop) -> Vec<(String, RawNotification)> {
        self.it().deliveries(t.clock.now()).into_iter().map(|one| (one.event_id, one.message)).collect()
    }

    /// Delivers what is due; returns what the shop answered.
    pub(crate) async fn deliver(&self, t: &TestShop) -> Vec<Result<Heard, Code>> {
        let mut answers = Vec::new();
        for (event_id, message) in self.messages(t) {
            let answer = t.shop.take_notification(&t.system(), &self.code, &message).await;
            self.it().delivered(&event_id);
            answers.push(answer.map_err(|error| error.code()));
        }
        answers
    }
}

struct Story {
    t: TestShop,
    bank: Bank,
    buyer: Buyer,
    sku: SkuId,
    name: &'static str,
}

impl Story {
    /// 100 pieces at 10.00; ten of them are 100.00 without freight.
    async fn begin(db: &Db) -> Self {
        let t = TestShop::open(db).await;
        let sku = t.add_product("TEA", &["TEA-1", "TEA-2"]).await[0];
        t.receive(sku, 100).await;
        let buyer = t.add_customer("C1").await;
        let bank = Bank::connect(&t, "sandbox");
        Self { t, bank, buyer, sku, name: db.name }
    }

    async fn order(&self, key: &str, qty: u32) -> OrderId {
        let wants = self.buyer.wants(&[(self.sku, qty)]);
        self.t.shop.place_order(&self.buyer.caller, self.buyer.customer, key, wants).await.unwrap().order
    }

    async fn pay(&self, order: OrderId, methods: &[Method]) -> Result<Paying, PaymentError> {
        self.t.shop.pay(&self.buyer.caller, order, methods).await
    }

    async fn now(&self, order: OrderId) -> Paying {
        self.t.shop.payments(&self.buyer.caller, order).await.unwrap()
    }

    /// An order that was paid through the bank.
    async fn paid(&self, key: &str, qty: u32) -> OrderId {
        let order = self.order(key, qty).await;
        let paying = self.pay(order, &[self.bank.method()]).await.unwrap();
        self.bank.pays(&self.t, &paying);
        assert_eq!(self.bank.deliver(&self.t).await, [Ok(Heard::News)]);
        order
    }

    async fn card(&self, amount: &str) -> String {
        let until = self.t.clock.now().plus_micros(365 * DAY);
        let from = AccountKind::Clearing.of("counter");
        self.t.shop.issue_gift_card(&self.t.staff(), yuan(amount), from, until).await.unwrap().code
    }

    async fn on_account(&self, kind: AccountKind) -> Money {
        let search = AccountSearch { kind: Some(kind), ..AccountSearch::default() };
        let found = self.t.shop.balances(&self.t.staff(), &search, None).await.unwrap();
        found.iter().fold(yuan("0"), |sum, balance| sum.checked_add(balance.posted()).unwrap())
    }

    /// Runs the janitor until the channel has nothing to tell any more.
    async fn chase(&self) {
        for _ in 0..6 {
            self.t.shop.chase(&self.t.system()).await.unwrap();
            self.bank.deliver(&self.t).await;
            self.t.clock.advance(11 * MINUTE);
        }
    }

    fn given_back(&self) -> Vec<i64> {
        self.bank.it().returns().map(|back| back.amount.minor()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_paid_and_booked_to_the_cent() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let order = s.order("key-00000001", 10).await;
        assert_eq!(s.now(order).await.status, PaymentStatus::Unpaid);
        let paying = s.pay(order, &[s.bank.method()]).await.unwrap();
        assert_eq!((paying.status, paying.payments[0].state), (PaymentStatus::Paying, PaymentState::Paying));
        assert!(paying.payments[0].pay_url.starts_with("sandbox:"), "{}", s.name);
        // Asked again for the same, the shop goes on with the same attempt.
        assert_eq!(s.pay(order, &[s.bank.method()]).await.unwrap().payments, paying.payments);
        s.bank.pays(&s.t, &paying);
        assert_eq!(s.bank.deliver(&s.t).await, [Ok(Heard::News)]);
        let paid = s.now(order).await;
        assert_eq!(
            (paid.order.state, paid.order.hold, paid.status),
            (State::Paid, Hold::Consumed, PaymentStatus::Paid)
        );
        assert_eq!(s.on_account(AccountKind::Merchant).await, yuan("100.00"), "{}", s.name);
        assert_eq!(s.on_account(AccountKind::Fees).await, yuan("0.50"));
        assert_eq!(s.on_account(AccountKind::Clearing).await, yuan("99.50"));
        assert_eq!(s.on_account(AccountKind::Deposits).await, yuan("0.00"));
        assert_eq!(s.pay(order, &[s.bank.method()]).await.unwrap_err().code(), Code::NothingToPay);
        let history = s.t.shop.order_history(&s.buyer.caller, order).await.unwrap();
        assert_eq!(history.last().unwrap().name, "Order.Paid");
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notification_of_a_payment_takes_eight_statements() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        // The first payment opens the accounts.
        s.paid("key-00000001", 2).await;
        for (key, qty) in [("key-00000002", 1), ("key-00000003", 30)] {
            let order = s.order(key, qty).await;
            let paying = s.pay(order, &[s.bank.method()]).await.unwrap();
            s.bank.pays(&s.t, &paying);
            let before = s.t.shop.store().statements();
            assert_eq!(s.bank.deliver(&s.t).await, [Ok(Heard::News)]);
            let used = s.t.shop.store().statements() - before;
            assert!(used <= 8, "{}: {used} statements", s.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_often_and_in_whatever_order_it_is_told_it_is_booked_once() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let mut random = StdRng::seed_from_u64(50);
        // Two payments; of the second the answer to `create` got lost, so the news comes before it.
        let first = s.order("key-00000001", 10).await;
        let paying = s.pay(first, &[s.bank.method()]).await.unwrap();
        s.bank.pays(&s.t, &paying);
        s.bank.it().misbehave(Op::Create, [Fault::TimeoutAfterSuccess]);
        let second = s.order("key-00000002", 10).await;
        let unanswered = s.pay(second, &[s.bank.method()]).await.unwrap_err();
        assert_eq!(unanswered.code(), Code::PaymentChannelUnavailable);
        assert!(unanswered.kind().is_retryable());
        s.bank.pays(&s.t, &s.now(second).await);
        // Fifty times each, mixed, four at a time; and a forged one among them.
        let mut messages: Vec<RawNotification> =
            s.bank.messages(&s.t).into_iter().map(|(_, message)| message).collect();
        assert_eq!(messages.len(), 2);
        let mut forged = messages[0].clone();
        forged.body = forged.body.replace("100.00", "999.00");
        messages = messages.iter().flat_map(|message| vec![message.clone(); 50]).collect();
        messages.push(forged);
        messages.shuffle(&mut random);
        let mut answers = Vec::new();
        for chunk in messages.chunks(4) {
            let told: Vec<_> = chunk
                .iter()
                .cloned()
                .map(|message| {
                    let (shop, system) = (s.t.shop.clone(), s.t.system());
                    tokio::spawn(async move {
                        shop.take_notification(&system, "sandbox", &message).await.map_err(|error| error.code())
                    })
                })
                .collect();
            for one in told {
                answers.push(one.await.unwrap());
            }
        }
        let count = |answer| answers.iter().filter(|one| **one == answer).count();
        assert_eq!(count(Ok(Heard::News)), 2, "{}", s.name);
        assert_eq!(count(Ok(Heard::Known)), 98, "{}", s.name);
        assert_eq!(count(Err(Code::InvalidSignature)), 1, "{}", s.name);
        assert_eq!(s.on_account(AccountKind::Merchant).await, yuan("200.00"), "{}", s.name);
        // The answer comes after all; the payment stays paid.
        assert_eq!(s.pay(second, &[s.bank.method()]).await.unwrap_err().code(), Code::NothingToPay);
        assert_eq!(s.now(second).await.status, PaymentStatus::Paid);
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_forged_old_or_wrong_books_nothing() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        for (i, (fault, code)) in [
            (Fault::Forged, Code::InvalidSignature),
            (Fault::WrongAmount, Code::AmountMismatch),
            (Fault::WrongCurrency, Code::CurrencyMismatch),
            (Fault::WrongMerchant, Code::MerchantMismatch),
        ]
        .into_iter()
        .enumerate()
        {
            s.bank.it().misbehave(Op::Notify, [fault]);
            let order = s.order(&format!("key-0000000{i}"), 1).await;
            let paying = s.pay(order, &[s.bank.method()]).await.unwrap();
            s.bank.pays(&s.t, &paying);
            assert_eq!(s.bank.deliver(&s.t).await, [Err(code)], "{} {fault}", s.name);
            let now = s.now(order).await;
            assert_eq!((now.status, now.order.paid), (PaymentStatus::Paying, yuan("0.00")), "{} {fault}", s.name);
        }
        assert_eq!(s.on_account(AccountKind::Clearing).await, yuan("0.00"), "{}", s.name);
        // Recorded, and sent again six minutes later.
        let order = s.order("key-00000009", 1).await;
        let paying = s.pay(order, &[s.bank.method()]).await.unwrap();
        s.bank.pays(&s.t, &paying);
        let (_, recorded) = s.bank.messages(&s.t).remove(0);
        s.t.clock.advance(6 * MINUTE);
        let late = s.t.shop.take_notification(&s.t.system(), "sandbox", &recorded).await;
        assert_eq!(late.unwrap_err().code(), Code::NotificationStale);
        // What was signed for a payment nobody here knows.
        let stranger = TestShop::on(db.store().await, "other", 77).await;
        Bank::connect(&stranger, "sandbox");
        s.t.clock.advance(-6 * MINUTE);
        let elsewhere = stranger.shop.take_notification(&stranger.system(), "sandbox", &recorded).await;
        assert_eq!(elsewhere.unwrap_err().code(), Code::UnknownPayment);
        let unknown = s.t.shop.take_notification(&s.t.system(), "nobody", &recorded).await;
        assert_eq!(unknown.unwrap_err().code(), Code::UnknownChannel);
        let shopper = s.t.shop.take_notification(&s.buyer.caller, "sandbox", &recorded).await;
        assert_eq!(shopper.unwrap_err().code(), Code::NotAllowed);
        // The janitor asks and hears the truth about all five.
        s.t.shop.chase(&s.t.system()).await.unwrap();
        s.t.clock.advance(MINUTE);
        s.t.shop.chase(&s.t.system()).await.unwrap();
        assert_eq!(s.now(order).await.status, PaymentStatus::Paid, "{}", s.name);
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_never_tells_is_asked() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        s.bank.it().misbehave(Op::Notify, [Fault::Silent]);
        s.bank.it().misbehave(Op::Query, [Fault::Timeout, Fault::ServerError]);
        let order = s.order("key-00000001", 10).await;
        let paying = s.pay(order, &[s.bank.method()]).await.unwrap();
        s.bank.pays(&s.t, &paying);
        for (wait, unanswered) in [(10, 1), (60, 1), (120, 0)] {
            s.t.clock.advance(wait * 1_000_000);
            let chased = s.t.shop.chase(&s.t.system()).await.unwrap();
            assert_eq!((chased.payments, chased.unanswered), (1, unanswered), "{} after {wait}", s.name);
        }
        assert_eq!(s.now(order).await.order.state, State::Paid, "{}", s.name);
        assert_eq!(s.t.shop.chase(&s.t.system()).await.unwrap().payments, 0);
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_comes_too_late_takes_the_goods_again_or_goes_back_once() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        // The hold is over, the goods are there: the order is paid.
        let order = s.order("key-00000001", 10).await;
        let paying = s.pay(order, &[s.bank.method()]).await.unwrap();
        s.t.clock.advance(20 * MINUTE);
        s.t.shop.sweep(&s.t.system()).await.unwrap();
        s.bank.pays(&s.t, &paying);
        s.bank.deliver(&s.t).await;
        let paid = s.now(order).await;
        assert_eq!((paid.order.state, paid.order.hold), (State::Paid, Hold::Consumed), "{}", s.name);

        // The goods went to somebody else meanwhile: the order is canceled, the money goes back, once.
        let late = s.order("key-00000002", 90).await;
        let paying = s.pay(late, &[s.bank.method()]).await.unwrap();
        s.t.clock.advance(20 * MINUTE);
        s.t.shop.sweep(&s.t.system()).await.unwrap();
        s.order("key-00000003", 1).await;
        s.bank.pays(&s.t, &paying);
        s.bank.deliver(&s.t).await;
        let canceled = s.now(late).await;
        assert_eq!((canceled.order.state, canceled.refunds.len()), (State::Canceled, 1), "{}", s.name);
        s.chase().await;
        assert_eq!(s.given_back(), [90_000], "{}", s.name);
        assert_eq!(s.now(late).await.status, PaymentStatus::Refunded);

        // The order was canceled by the sweeper before the money came, and the news of it came an hour late.
        let overdue = s.order("key-00000004", 5).await;
        let paying = s.pay(overdue, &[s.bank.method()]).await.unwrap();
        s.bank.it().misbehave(Op::Notify, [Fault::Late]);
        s.bank.pays(&s.t, &paying);
        s.bank.it().misbehave(Op::Query, vec![Fault::Timeout; 9]);
        s.bank.it().misbehave(Op::Close, vec![Fault::Timeout; 9]);
        s.t.clock.advance(35 * MINUTE);
        s.t.shop.sweep(&s.t.system()).await.unwrap();
        assert_eq!(s.now(overdue).await.order.state, State::Canceled);
        s.t.clock.advance(30 * MINUTE);
        assert_eq!(s.bank.deliver(&s.t).await, [Ok(Heard::News)], "{}", s.name);
        s.bank.it().behave();
        s.chase().await;
        assert_eq!(s.given_back(), [90_000, 6_200], "{}", s.name);
        assert_eq!(s.on_account(AccountKind::Merchant).await, yuan("100.00"));
        assert_eq!(s.on_account(AccountKind::Deposits).await, yuan("0.00"));
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_pays_twice_through_two_channels_gets_one_back() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let other = Bank::connect(&s.t, "other");
        let order = s.order("key-00000001", 10).await;
        let first = s.pay(order, &[s.bank.method()]).await.unwrap();
        // The shopper changes their mind; the first channel cannot be reached to close its attempt.
        s.bank.it().misbehave(Op::Close, [Fault::Timeout]);
        let second = s.pay(order, &[other.method()]).await.unwrap();
        s.bank.pays(&s.t, &first);
        other.pays(&s.t, &second);
        let (one, two) = tokio::join!(other.deliver(&s.t), s.bank.deliver(&s.t));
        assert_eq!((one, two), (vec![Ok(Heard::News)], vec![Ok(Heard::News)]), "{}", s.name);
        let paid = s.now(order).await;
        assert_eq!(
            (paid.order.state, paid.order.paid, paid.refunds.len()),
            (State::Paid, yuan("100.00"), 1),
            "{}",
            s.name
        );
        s.chase().await;
        other.deliver(&s.t).await;
        let back = [s.given_back(), other.it().returns().map(|back| back.amount.minor()).collect()].concat();
        assert_eq!(back, [10_000], "{}", s.name);
        assert_eq!(s.on_account(AccountKind::Merchant).await, yuan("100.00"));
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_method_closes_the_first_one() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let other = Bank::connect(&s.t, "other");
        let order = s.order("key-00000001", 10).await;
        let first = s.pay(order, &[s.bank.method()]).await.unwrap();
        let second = s.pay(order, &[other.method()]).await.unwrap();
        let states: Vec<_> = second.payments.iter().map(|payment| payment.state).collect();
        assert!(states.contains(&PaymentState::Closed) && states.contains(&PaymentState::Paying), "{states:?}");
        let id = first.payments[0].id.to_string();
        assert!(s.bank.it().pay(&id, s.t.clock.now()).is_err(), "{}: the first attempt can still be paid", s.name);
        // Paid just before it was to be closed: then that is how the order was paid.
        let third = s.pay(order, &[s.bank.method()]).await.unwrap();
        s.bank.pays(&s.t, &third);
        let last = s.pay(order, &[other.method()]).await;
        let paid = s.now(order).await;
        assert_eq!((paid.order.state, paid.order.paid), (State::Paid, yuan("100.00")), "{}: {last:?}", s.name);
        s.bank.deliver(&s.t).await;
        s.chase().await;
        other.deliver(&s.t).await;
        assert_eq!(s.given_back(), [0_i64; 0]);
        let open = s.now(order).await.payments.into_iter().filter(|payment| payment.state.is_open()).count();
        assert_eq!(open, 0, "{}: an attempt stays open", s.name);
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gift_card_and_a_channel_pay_together_and_get_back_what_each_paid() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let code = s.card("30.00").await;
        let with_card = || [Method::GiftCard { code: code.to_lowercase() }, s.bank.method()];
        let balance = async || s.t.shop.gift_card_balance(&s.buyer.caller, &code).await.unwrap().1;
        let order = s.order("key-00000001", 10).await;
        let alone = s.pay(order, &[Method::GiftCard { code: code.clone() }]).await.unwrap_err();
        assert_eq!(alone.code(), Code::PaymentIncomplete);
        let paying = s.pay(order, &with_card()).await.unwrap();
        assert_eq!(balance().await, yuan("0.00"), "{}: set aside", s.name);
        assert_eq!(s.pay(order, &with_card()).await.unwrap().payments, paying.payments);
        // Another order finds the card empty.
        let other = s.order("key-00000002", 1).await;
        assert_eq!(s.pay(other, &with_card()).await.unwrap_err().code(), Code::UnknownGiftCard);
        s.bank.pays(&s.t, &paying);
        s.bank.deliver(&s.t).await;
        let paid = s.now(order).await;
        assert_eq!((paid.order.state, paid.order.paid), (State::Paid, yuan("100.00")), "{}", s.name);
        assert_eq!(s.on_account(AccountKind::GiftCard).await, yuan("0.00"));
        assert_eq!(s.on_account(AccountKind::Merchant).await, yuan("100.00"));

        s.t.shop.cancel_order(&s.buyer.caller, order, "不想要了").await.unwrap();
        // The card has its money at once, the channel as soon as it is asked.
        assert_eq!(balance().await, yuan("30.00"), "{}", s.name);
        s.chase().await;
        assert_eq!(s.given_back(), [7_000], "{}", s.name);
        assert_eq!(s.now(order).await.status, PaymentStatus::Refunded);

        // An order that is never paid gives the card free when it ends.
        let never = s.order("key-00000003", 10).await;
        s.pay(never, &with_card()).await.unwrap();
        assert_eq!(balance().await, yuan("0.00"));
        s.t.clock.advance(31 * MINUTE);
        s.t.shop.sweep(&s.t.system()).await.unwrap();
        assert_eq!(balance().await, yuan("30.00"), "{}", s.name);
        // A card that covers everything pays at once.
        let small = s.order("key-00000004", 2).await;
        let paid = s.pay(small, &[Method::GiftCard { code: code.clone() }]).await.unwrap();
        assert_eq!((paid.order.state, balance().await), (State::Paid, yuan("2.00")), "{}", s.name);
        let wrong = s.pay(never, &[Method::GiftCard { code: "NOSUCHCODE".into() }]).await.unwrap_err();
        assert_eq!(wrong.code(), Code::NothingToPay);
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_whose_answer_is_lost_is_sent_again_under_the_same_id() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let order = s.paid("key-00000001", 10).await;
        // Done at the first time, and no answer nor message ever arrives for twenty tries.
        s.bank.it().misbehave(Op::Refund, vec![Fault::TimeoutAfterSuccess; 20]);
        s.bank.it().misbehave(Op::QueryRefund, vec![Fault::Timeout; 20]);
        s.bank.it().misbehave(Op::Notify, [Fault::Silent]);
        s.t.shop.cancel_order(&s.buyer.caller, order, "").await.unwrap();
        for _ in 0..20 {
            let chased = s.t.shop.chase(&s.t.system()).await.unwrap();
            assert_eq!((chased.refunds, chased.unanswered), (1, 1), "{}", s.name);
            s.t.clock.advance(11 * MINUTE);
        }
        assert_eq!(s.now(order).await.refunds[0].state, RefundState::Processing);
        s.bank.it().behave();
        s.t.shop.chase(&s.t.system()).await.unwrap();
        let done = s.now(order).await;
        assert_eq!(
            (done.refunds[0].state, done.status),
            (RefundState::Refunded, PaymentStatus::Refunded),
            "{}",
            s.name
        );
        assert_eq!(s.given_back(), [10_000], "{}: one effect, under one id", s.name);
        assert_eq!(s.on_account(AccountKind::Merchant).await, yuan("0.00"));
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_fails_is_still_owed_and_can_be_tried_again() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let order = s.paid("key-00000001", 10).await;
        s.bank.it().misbehave(Op::Refund, [Fault::Refuse]);
        s.t.shop.cancel_order(&s.buyer.caller, order, "").await.unwrap();
        s.t.shop.chase(&s.t.system()).await.unwrap();
        let failed = s.now(order).await;
        assert_eq!((failed.refunds[0].state, failed.order.paid), (RefundState::Failed, yuan("100.00")), "{}", s.name);
        assert_eq!(s.on_account(AccountKind::Merchant).await, yuan("100.00"));
        let by_shopper = s.t.shop.retry_refunds(&s.buyer.caller, order).await.unwrap_err();
        assert_eq!(by_shopper.code(), Code::NotAllowed);
        s.t.shop.retry_refunds(&s.t.staff(), order).await.unwrap();
        s.chase().await;
        let done = s.now(order).await;
        assert_eq!((done.status, done.order.paid), (PaymentStatus::Refunded, yuan("0.00")), "{}", s.name);
        assert_eq!(s.given_back(), [10_000], "{}", s.name);
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_go_back_until_everything_has_and_the_fee_with_them() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let bank = Bank::connect_on(&s.t, "kind", FeeOnRefund::Returned);
        let order = s.order("key-00000001", 10).await;
        let paying = s.pay(order, &[bank.method()]).await.unwrap();
        bank.pays(&s.t, &paying);
        bank.deliver(&s.t).await;
        let refund = async |amount: &str| s.t.shop.refund(&s.t.staff(), order, yuan(amount), "少发一件").await;
        for bad in ["0.00", "-1.00"] {
            assert_eq!(refund(bad).await.unwrap_err().code(), Code::InvalidAmount);
        }
        assert_eq!(refund("100.01").await.unwrap_err().code(), Code::RefundExceedsPaid);
        let in_dollars = Money::parse("1.00", commerce_core::money::Currency::USD).unwrap();
        let mixed = s.t.shop.refund(&s.t.staff(), order, in_dollars, "").await.unwrap_err();
        assert_eq!(mixed.code(), Code::CurrencyMismatch);
        let by_shopper = s.t.shop.refund(&s.buyer.caller, order, yuan("1.00"), "").await.unwrap_err();
        assert_eq!(by_shopper.code(), Code::NotAllowed);
        let mut fees = Vec::new();
        for (amount, status) in [
            ("33.33", PaymentStatus::PartiallyRefunded),
            ("33.33", PaymentStatus::PartiallyRefunded),
            ("33.34", PaymentStatus::Refunded),
        ] {
            refund(amount).await.unwrap();
            s.t.shop.chase(&s.t.system()).await.unwrap();
            assert_eq!(s.now(order).await.status, status, "{}", s.name);
            fees.push(s.on_account(AccountKind::Fees).await.minor());
        }
        assert_eq!(fees, [33, 17, 0], "{}: the fee comes back with the last cent", s.name);
        assert_eq!(refund("0.01").await.unwrap_err().code(), Code::RefundExceedsPaid);
        assert_eq!(s.on_account(AccountKind::Clearing).await, yuan("0.00"));
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dearer_variant_is_paid_on_top_and_a_cancel_gives_back_everything() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let product = s.t.product("HONEY", commerce_core::catalog::ProductKind::Physical);
        let (small, large) = (s.t.sku(&product, "HONEY-S", "60.00"), s.t.sku(&product, "HONEY-L", "90.00"));
        let (small_id, large_id) = (small.id, large.id);
        s.t.shop.save_products(&s.t.staff(), &[(product, vec![small, large])]).await.unwrap();
        for sku in [small_id, large_id] {
            s.t.receive(sku, 5).await;
        }
        let wants = s.buyer.wants(&[(small_id, 2)]);
        let order = s.t.shop.place_order(&s.buyer.caller, s.buyer.customer, "key-00000001", wants).await.unwrap().order;
        let paying = s.pay(order, &[s.bank.method()]).await.unwrap();
        // The price changes while the payment page is open: that page is for the old price and is closed.
        let line = s.t.shop.order(&s.buyer.caller, order).await.unwrap().1[0].id;
        let swap = async |to| s.t.shop.swap_variant(&s.buyer.caller, order, line, to).await.unwrap();
        swap(large_id).await;
        s.t.shop.chase(&s.t.system()).await.unwrap();
        assert!(s.bank.it().pay(&paying.payments[0].id.to_string(), s.t.clock.now()).is_err(), "{}", s.name);
        swap(small_id).await;
        let paying = s.pay(order, &[s.bank.method()]).await.unwrap();
        s.bank.pays(&s.t, &paying);
        s.bank.deliver(&s.t).await;

        let swapped = swap(large_id).await;
        assert_eq!((swapped.difference, swapped.order.owes().unwrap()), (yuan("60.00"), yuan("60.00")), "{}", s.name);
        // What is owed is paid before anything leaves.
        let too_soon = s.t.shop.allocate_order(&s.t.staff(), order).await.unwrap_err();
        assert_eq!(too_soon.code(), Code::PaymentIncomplete, "{}: {too_soon}", s.name);
        let paying = s.pay(order, &[s.bank.method()]).await.unwrap();
        s.bank.pays(&s.t, &paying);
        s.bank.deliver(&s.t).await;
        assert_eq!(s.now(order).await.order.paid, yuan("180.00"), "{}", s.name);
        // Back to the smaller one: just the difference goes back, by the payment that brought it.
        swap(small_id).await;
        s.chase().await;
        assert_eq!(s.given_back(), [6_000], "{}", s.name);
        s.t.shop.allocate_order(&s.t.staff(), order).await.unwrap();
        s.t.shop.cancel_order(&s.buyer.caller, order, "").await.unwrap();
        s.chase().await;
        let back: i64 = s.given_back().iter().sum();
        assert_eq!((back, s.now(order).await.order.paid), (18_000, yuan("0.00")), "{}", s.name);
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_pays_or_sees_what_is_not_theirs() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let order = s.paid("key-00000001", 1).await;
        let thief = s.t.add_customer("C2").await;
        let other_shop = TestShop::on(db.store().await, "other", 78).await;
        for caller in [&thief.caller, &other_shop.staff()] {
            let is_hidden =
                |error: PaymentError| matches!(error, PaymentError::Order(e) if matches!(*e, OrderError::NotFound));
            assert!(is_hidden(s.t.shop.payments(caller, order).await.unwrap_err()), "{}", s.name);
            let code = s.bank.code.clone();
            let paid = s.t.shop.pay(caller, order, &[Method::Channel { code }]).await.unwrap_err();
            assert!(is_hidden(paid.clone()) || paid.code() == Code::UnknownChannel, "{}: {paid}", s.name);
        }
        let card = s.card("10.00").await;
        let elsewhere = other_shop.shop.gift_card_balance(&other_shop.staff(), &card).await.unwrap_err();
        assert_eq!(elsewhere.code(), Code::UnknownGiftCard);
        s.t.clock.advance(HOUR);
    }
}

/// `RACES=10000` runs more. News of payments, the sweeper and other buyers meet at the instant the holds end: every order is
/// paid and has its goods, or is canceled and paid back once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_pays_at_the_last_instant_has_the_goods_or_the_money() {
    let races: usize = std::env::var("RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(400);
    let seed = 31;
    let group = 20;
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let rival = s.t.add_customer("C2").await;
        let mut random = StdRng::seed_from_u64(seed);
        let (mut kept, mut gone) = (0, 0);
        for round in 0..races.div_ceil(group) {
            // Exactly what these orders need, so that a rival's gain is somebody's loss.
            let sku = s.t.add_product(&format!("RACE{round}"), &[&format!("RACE{round}-1")]).await[0];
            s.t.receive(sku, u32::try_from(group).unwrap()).await;
            let mut orders = Vec::new();
            for i in 0..group {
                let key = format!("race-{round}-{i:04}");
                let wants = s.buyer.wants(&[(sku, 1)]);
                let placed = s.t.shop.place_order(&s.buyer.caller, s.buyer.customer, &key, wants).await.unwrap();
                let paying = s.pay(placed.order, &[s.bank.method()]).await.unwrap();
                orders.push((placed.order, paying));
            }
            s.t.clock.advance(15 * MINUTE);
            orders.iter().for_each(|(_, paying)| s.bank.pays(&s.t, paying));
            let mut tasks: Vec<tokio::task::JoinHandle<()>> = Vec::new();
            let mut acts: Vec<Act> = s.bank.messages(&s.t).into_iter().map(|(_, message)| Act::Tell(message)).collect();
            acts.extend((0..3).map(|_| Act::Sweep));
            acts.extend((0..6).map(|i| Act::Order(format!("rival-{round}-{i:04}"))));
            acts.shuffle(&mut random);
            for act in acts {
                let (shop, system, rival) = (s.t.shop.clone(), s.t.system(), rival.clone());
                tasks.push(tokio::spawn(async move {
                    match act {
                        // News of refunds of the round before may be among it.
                        Act::Tell(message) => {
                            let heard = shop.take_notification(&system, "sandbox", &message).await.unwrap();
                            assert_ne!(heard, Heard::Kept);
                        }
                        Act::Sweep => drop(shop.sweep(&system).await.unwrap()),
                        // Most find nothing left.
                        Act::Order(key) => {
                            let wants = rival.wants(&[(sku, 1)]);
                            drop(shop.place_order(&rival.caller, rival.customer, &key, wants).await);
                        }
                    }
                }));
            }
            for task in tasks {
                task.await.unwrap();
            }
            while s.t.shop.chase(&s.t.system()).await.unwrap().refunds > 0 {}
            s.bank.deliver(&s.t).await;
            for (order, _) in &orders {
                let now = s.now(*order).await;
                let back: i64 = now.payments.iter().map(|payment| payment.refunded.minor()).sum();
                match (now.order.state, now.order.hold) {
                    (State::Paid, Hold::Consumed) => {
                        assert_eq!(back, 0, "{} seed {seed} round {round}", s.name);
                        kept += 1;
                    }
                    (State::Canceled, _) => {
                        assert_eq!(back, 1_800, "{} seed {seed} round {round}", s.name);
                        gone += 1;
                    }
                    other => panic!("{} seed {seed} round {round}: {other:?}", s.name),
                }
            }
            let (on_hand, reserved) = s.t.stock(sku).await;
            assert!(reserved <= on_hand, "{}", s.name);
        }
        println!("{} seed {seed}: {kept} paid and have their goods, {gone} were paid back", s.name);
        assert!(kept > 0 && gone > 0, "one side always won: {kept}, {gone}");
        s.t.assert_books().await;
    }
}

enum Act {
    Tell(RawNotification),
    Sweep,
    Order(String),
}

//! Money in, through a channel that misbehaves.

use crate::bank::{Bank, Story};
use crate::db::Db;
use crate::shop::{TestShop, yuan};
use commerce_core::Heard;
use commerce_core::error::{Code, Failure};
use commerce_core::ledger::AccountKind;
use commerce_core::order::{Hold, OrderError, State};
use commerce_core::payment::{Method, PaymentError, PaymentState, PaymentStatus};
use commerce_core::port::RawNotification;
use commerce_core::sandbox::{Fault, Op};
use commerce_core::time::{Clock, HOUR, MINUTE};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

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
        let mut orders = Vec::new();
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
            orders.push(order);
        }
        assert_eq!(s.on_account(AccountKind::Clearing).await, yuan("0.00"), "{}", s.name);
        // Recorded, and sent again six minutes later.
        orders.push(s.order("key-00000009", 1).await);
        let paying = s.pay(orders[4], &[s.bank.method()]).await.unwrap();
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
        for order in orders {
            assert_eq!(s.now(order).await.status, PaymentStatus::Paid, "{}", s.name);
        }
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
async fn a_refused_second_try_does_not_end_a_first_one_that_stands() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        // The first try arrives and its answer gets lost; the second one is refused.
        let tries = |close: &[Fault]| {
            s.bank.it().misbehave(Op::Create, [Fault::TimeoutAfterSuccess, Fault::Refuse]);
            s.bank.it().misbehave(Op::Close, close.iter().copied());
        };
        let (first, second) = (s.order("key-00000001", 5).await, s.order("key-00000002", 5).await);
        for (order, close) in [(first, [].as_slice()), (second, &[Fault::Timeout])] {
            tries(close);
            s.pay(order, &[s.bank.method()]).await.unwrap_err();
            let refused = s.pay(order, &[s.bank.method()]).await.unwrap_err();
            assert_eq!(refused.code(), Code::PaymentRefused, "{}", s.name);
        }
        // Closed at the channel, it has failed: nobody can pay it any more.
        let failed = s.now(first).await.payments.remove(0);
        assert_eq!(failed.state, PaymentState::Failed, "{}", s.name);
        assert!(s.bank.it().pay(&failed.id.to_string(), s.t.clock.now()).is_err(), "{}", s.name);
        // The channel did not say: it may be paid, and if the channel does not tell, it is asked.
        s.bank.it().misbehave(Op::Notify, [Fault::Silent]);
        let open = s.now(second).await;
        s.bank.pays(&s.t, &open);
        s.chase().await;
        assert_eq!(s.now(second).await.order.state, State::Paid, "{}", s.name);
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

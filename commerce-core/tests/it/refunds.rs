//! Money back, through a channel that misbehaves.

use crate::bank::{Bank, Story};
use crate::db::Db;
use crate::shop::yuan;
use commerce_core::catalog::{ProductKind, SkuId};
use commerce_core::error::{Code, Failure};
use commerce_core::ledger::AccountKind;
use commerce_core::money::Money;
use commerce_core::order::{OrderId, State};
use commerce_core::payment::{Method, PaymentStatus, RefundState};
use commerce_core::port::FeeOnRefund;
use commerce_core::sandbox::{Fault, Op};
use commerce_core::time::{Clock, MINUTE};

impl Story {
    /// An order for two small jars; the small and the large variant.
    async fn orders_honey(&self) -> (OrderId, SkuId, SkuId) {
        let product = self.t.product("HONEY", ProductKind::Physical);
        let (small, large) = (self.t.sku(&product, "HONEY-S", "60.00"), self.t.sku(&product, "HONEY-L", "90.00"));
        let skus @ [small_id, large_id] = [small.id, large.id];
        self.t.shop.save_products(&self.t.staff(), &[(product, vec![small, large])]).await.unwrap();
        for sku in skus {
            self.t.receive(sku, 5).await;
        }
        let (buyer, wants) = (&self.buyer, self.buyer.wants(&[(small_id, 2)]));
        let placed = self.t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", wants).await.unwrap();
        (placed.order, small_id, large_id)
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
        let (order, small_id, large_id) = s.orders_honey().await;
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
async fn a_gift_card_is_free_again_when_the_rest_of_a_difference_is_not_paid() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (order, _, large_id) = s.orders_honey().await;
        let paying = s.pay(order, &[s.bank.method()]).await.unwrap();
        s.bank.pays(&s.t, &paying);
        s.bank.deliver(&s.t).await;
        let line = s.t.shop.order(&s.buyer.caller, order).await.unwrap().1[0].id;
        s.t.shop.swap_variant(&s.buyer.caller, order, line, large_id).await.unwrap();
        // 60.00 more: 20.00 by card, the rest through the bank, which the shopper never pays.
        let code = s.card("20.00").await;
        s.pay(order, &[Method::GiftCard { code: code.clone() }, s.bank.method()]).await.unwrap();
        let balance = async || s.t.shop.gift_card_balance(&s.buyer.caller, &code).await.unwrap().1;
        assert_eq!(balance().await, yuan("0.00"), "{}", s.name);
        s.t.clock.advance(31 * MINUTE);
        s.chase().await;
        assert_eq!(balance().await, yuan("20.00"), "{}: nobody holds it any more", s.name);
        assert!(s.now(order).await.payments.iter().all(|payment| !payment.state.is_open()), "{}", s.name);
        s.t.assert_books().await;
    }
}

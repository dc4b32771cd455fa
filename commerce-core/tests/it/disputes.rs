//! Buyers who ask their bank for the money back, and refunds that need two people.

use crate::bank::Story;
use crate::db::Db;
use crate::shop::yuan;
use commerce_core::Heard;
use commerce_core::after_sale::{CaseKind, CaseStatus, Reason};
use commerce_core::error::{Code, Failure};
use commerce_core::ledger::AccountKind;
use commerce_core::order::{Act, OrderId, State};
use commerce_core::payment::{Dispute, DisputeState, PaymentStatus, RefundId, RefundState};
use commerce_core::reconcile::StatementFormat;
use commerce_core::sandbox::{ComplaintState, Fault, Op, Verdict};
use commerce_core::tenant::Settings;
use commerce_core::time::{Clock, DAY, HOUR};
use commerce_core::{CaseRequest, Shipment};

impl Story {
    /// The buyer asks the bank for some of what was paid; returns the bank's number of it.
    fn complain(&self, order: OrderId, paying: &commerce_core::Paying, amount: &str) -> String {
        assert_eq!(paying.order.id, order);
        let no = paying.payments[0].id.to_string();
        self.bank.it().complain(&no, yuan(amount), "货没收到", self.t.clock.now()).unwrap().dispute_no
    }

    pub(crate) async fn disputed(&self, key: &str, qty: u32, amount: &str) -> (OrderId, String) {
        let order = self.paid(key, qty).await;
        let no = self.complain(order, &self.now(order).await, amount);
        assert_eq!(self.bank.deliver(&self.t).await, [Ok(Heard::News)]);
        (order, no)
    }

    pub(crate) async fn open_dispute(&self) -> Dispute {
        self.t.shop.open_disputes(&self.t.staff()).await.unwrap().remove(0)
    }

    /// Ten pieces for 100.00 at the buyer's door.
    pub(crate) async fn delivered(&self, key: &str) -> OrderId {
        let (order, staff) = (self.paid(key, 10).await, self.t.staff());
        self.t.shop.allocate_order(&staff, order).await.unwrap();
        for act in [Act::Pick, Act::Pack] {
            self.t.shop.move_order(&staff, order, act).await.unwrap();
        }
        let parcel = self.t.shop.parcels(&staff, order).await.unwrap()[0].id;
        self.t.shop.ship_parcel(&staff, parcel, &Shipment::default()).await.unwrap();
        self.t.shop.deliver_parcel(&staff, parcel).await.unwrap();
        order
    }

    /// The refunds of an order that wait for a second person.
    pub(crate) async fn waiting(&self, order: OrderId) -> Vec<RefundId> {
        let refunds = self.now(order).await.refunds.into_iter();
        refunds.filter(|refund| refund.state == RefundState::Requested).map(|refund| refund.id).collect()
    }

    pub(crate) async fn set_refund_check_over(&self, limit: i64) {
        let settings = Settings { refund_check_over: Some(limit), ..Settings::default() };
        self.t.shop.change_settings(&self.t.staff(), settings).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disputed_payment_is_set_aside_contested_and_won_back() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (order, no) = s.disputed("key-00000001", 10, "100.00").await;
        let dispute = s.open_dispute().await;
        assert_eq!((dispute.state, dispute.amount, dispute.order), (DisputeState::Open, yuan("100.00"), order));
        assert_eq!(dispute.due_at, s.t.clock.now().plus_micros(7 * DAY), "{}", s.name);
        // Nothing leaves the shop, nothing is paid twice and nothing goes back twice while the bank decides.
        let held = s.now(order).await;
        assert_eq!((held.order.paid, held.refunds[0].state), (yuan("0.00"), RefundState::Processing), "{}", s.name);
        let shipped = s.t.shop.allocate_order(&s.t.staff(), order).await.unwrap_err();
        assert_eq!(shipped.code(), Code::PaymentIncomplete, "{}", s.name);
        assert_eq!(s.pay(order, &[s.bank.method()]).await.unwrap_err().code(), Code::DisputeUndecided, "{}", s.name);
        let twice = s.t.shop.refund(&s.t.staff(), order, yuan("1.00"), "").await.unwrap_err();
        assert_eq!(twice.code(), Code::DisputeUndecided);
        s.t.assert_books().await;

        // Not for shoppers, not for other shops.
        let by_shopper = s.t.shop.contest_dispute(&s.buyer.caller, dispute.id, "").await.unwrap_err();
        assert_eq!(by_shopper.code(), Code::NotAllowed);
        let other = crate::shop::TestShop::on(db.store().await, "other", 78).await;
        let elsewhere = other.shop.accept_dispute(&other.staff(), dispute.id).await.unwrap_err();
        assert_eq!(elsewhere.code(), Code::UnknownDispute);

        let answered = s.t.shop.contest_dispute(&s.t.staff(), dispute.id, "已于当日送达，有签收").await.unwrap();
        assert_eq!(answered.state, DisputeState::Answering);
        let again = s.t.shop.accept_dispute(&s.t.staff(), dispute.id).await.unwrap_err();
        assert_eq!(again.code(), Code::UnknownDispute, "{}: answered once", s.name);
        // The answer gets lost on the way, and is handed over again.
        s.bank.it().misbehave(Op::AnswerDispute, [Fault::Timeout, Fault::TimeoutAfterSuccess]);
        s.chase().await;
        let shown = s.bank.it().complaint(&no).unwrap().clone();
        assert_eq!(shown.state, ComplaintState::UnderReview, "{}", s.name);
        let evidence: serde_json::Value = serde_json::from_str(&shown.evidence).unwrap();
        assert_eq!(evidence["note"], "已于当日送达，有签收");
        assert_eq!(evidence["order_no"], held.order.order_no);
        assert!(evidence["history"].as_array().unwrap().iter().any(|event| event["what"] == "Order.Paid"));
        assert!(!shown.evidence.contains("138"), "{}: a phone in the evidence", s.name);
        assert_eq!(s.open_dispute().await.state, DisputeState::UnderReview);

        // The bank decides and does not tell: it is asked.
        s.bank.it().misbehave(Op::Notify, [Fault::Silent]);
        s.bank.it().decide(&no, Verdict::MerchantWins, s.t.clock.now()).unwrap();
        s.t.clock.advance(6 * HOUR);
        s.t.shop.chase(&s.t.system()).await.unwrap();
        let won = s.now(order).await;
        assert_eq!((won.order.paid, won.status), (yuan("100.00"), PaymentStatus::Paid), "{}", s.name);
        assert_eq!(s.t.shop.dispute(&s.t.staff(), dispute.id).await.unwrap().state, DisputeState::Won);
        s.t.shop.allocate_order(&s.t.staff(), order).await.unwrap();
        assert_eq!(s.on_account(AccountKind::Merchant).await, yuan("100.00"));
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_that_is_lost_costs_its_amount_once_however_it_is_told() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        // Told five times, and its end before its beginning.
        let order = s.paid("key-00000001", 10).await;
        s.bank.it().misbehave(Op::Notify, [Fault::Late, Fault::Duplicate]);
        let no = s.complain(order, &s.now(order).await, "40.00");
        s.bank.it().decide(&no, Verdict::BuyerWins, s.t.clock.now()).unwrap();
        let told = s.bank.deliver(&s.t).await;
        assert_eq!(told[0], Ok(Heard::News), "{}: {told:?}", s.name);
        assert!(told[1..].iter().all(|heard| *heard == Ok(Heard::Known)), "{}: {told:?}", s.name);
        s.t.clock.advance(HOUR);
        assert_eq!(s.bank.deliver(&s.t).await, [Ok(Heard::Known)], "{}: its beginning, an hour late", s.name);
        let lost = s.now(order).await;
        assert_eq!((lost.order.paid, lost.status), (yuan("60.00"), PaymentStatus::PartiallyRefunded), "{}", s.name);
        assert_eq!(s.on_account(AccountKind::Merchant).await, yuan("60.00"));
        // Half a per cent of the payment; a dispute gives none of it back.
        assert_eq!(s.on_account(AccountKind::Clearing).await, yuan("59.50"));
        // The rest is all there is to give back.
        s.t.shop.cancel_order(&s.buyer.caller, order, "").await.unwrap();
        s.chase().await;
        assert_eq!(s.given_back(), [6_000], "{}", s.name);

        // The shop gives in.
        let (second, _) = s.disputed("key-00000002", 5, "62.00").await;
        let dispute = s.open_dispute().await;
        s.t.shop.accept_dispute(&s.t.staff(), dispute.id).await.unwrap();
        s.chase().await;
        assert_eq!(s.now(second).await.status, PaymentStatus::Refunded, "{}", s.name);
        s.t.assert_books().await;

        // The bank's statement knows both by its own numbers, and agrees.
        let day = s.t.clock.now().day(0);
        let format = StatementFormat::sandbox();
        let done = s.t.shop.fetch_statement(&s.t.staff(), "sandbox", &day, &format).await.unwrap();
        assert_eq!((done.matched, done.differences), (5, 0), "{}: {done:?}", s.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_of_disputes_is_asked_every_hour_and_written_never() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let used = async || {
            s.t.clock.advance(HOUR);
            let before = s.t.shop.store().statements();
            s.t.shop.chase(&s.t.system()).await.unwrap();
            s.t.shop.store().statements() - before
        };
        s.disputed("key-00000001", 5, "10.00").await;
        used().await;
        let with_one = used().await;
        for key in ["key-00000002", "key-00000003", "key-00000004"] {
            s.disputed(key, 5, "10.00").await;
        }
        assert_eq!(used().await, with_one, "{}", s.name);
        assert_eq!(s.t.shop.open_disputes(&s.t.staff()).await.unwrap().len(), 4, "{}", s.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_and_a_refund_of_the_same_money_do_not_both_have_it() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let order = s.paid("key-00000001", 10).await;
        // The order is canceled, and before the refund gets out, the buyer goes to the bank.
        s.t.shop.cancel_order(&s.buyer.caller, order, "").await.unwrap();
        let no = s.complain(order, &s.now(order).await, "100.00");
        assert_eq!(s.bank.deliver(&s.t).await, [Ok(Heard::Kept)], "{}: the refund is in the way", s.name);
        assert!(s.t.shop.open_disputes(&s.t.staff()).await.unwrap().is_empty());
        // The bank refuses the refund: the money is claimed. Then the dispute has its turn.
        s.chase().await;
        let dispute = s.open_dispute().await;
        let now = s.now(order).await;
        assert_eq!(now.refunds.iter().filter(|r| r.state == RefundState::Failed).count(), 1, "{}", s.name);
        assert_eq!((now.order.paid, dispute.state), (yuan("0.00"), DisputeState::Open), "{}", s.name);
        // Won: the money is there again, and goes back because the order is canceled.
        s.bank.it().decide(&no, Verdict::MerchantWins, s.t.clock.now()).unwrap();
        s.chase().await;
        assert_eq!(s.given_back(), [10_000], "{}", s.name);
        assert_eq!(s.now(order).await.status, PaymentStatus::Refunded);
        assert_eq!(s.on_account(AccountKind::Deposits).await, yuan("0.00"));
        // More than there is, is nobody's to claim.
        let other = s.paid("key-00000002", 1).await;
        let paying = s.now(other).await;
        let too_much = s.bank.it().complain(&paying.payments[0].id.to_string(), yuan("99.00"), "", s.t.clock.now());
        assert!(too_much.is_err(), "{}", s.name);
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bank_that_decides_keeps_everybody_else_from_the_money() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        s.set_refund_check_over(5_000).await;
        let li = s.t.staff().named("li");
        let order = s.delivered("key-00000001").await;
        // Li asks for all of it; before Wang has looked, the buyer goes to the bank: that decides now.
        s.t.shop.refund(&li, order, yuan("100.00"), "").await.unwrap();
        let no = s.complain(order, &s.now(order).await, "100.00");
        assert_eq!(s.bank.deliver(&s.t).await, [Ok(Heard::News)], "{}", s.name);
        assert!(s.waiting(order).await.is_empty(), "{}", s.name);
        let line = s.t.shop.order(&li, order).await.unwrap().1[0].id;
        let request = CaseRequest {
            kind: CaseKind::Refund,
            items: vec![(line, 1)],
            exchange_to: None,
            reason: Reason::Spoiled,
            note: String::new(),
        };
        let case = s.t.shop.apply_after_sale(&s.buyer.caller, order, &request).await.unwrap()[0].id;
        let undecided = [
            s.t.shop.approve_case(&li, case, "").await.unwrap_err().code(),
            s.t.shop.refund(&li, order, yuan("1.00"), "").await.unwrap_err().code(),
            s.t.shop.compensate(&li, order, yuan("1.00"), "").await.unwrap_err().code(),
            s.t.shop.confirm_paid(&li, order).await.unwrap_err().code(),
        ];
        assert_eq!(undecided, [Code::DisputeUndecided; 4], "{}", s.name);
        let nothing_else = s.t.shop.move_order(&li, order, Act::RefundAll).await.unwrap_err();
        assert_eq!(nothing_else.code(), Code::IllegalMove, "{}", s.name);
        // Won: nothing is owed for what Li asked and nobody agreed to.
        s.bank.it().decide(&no, Verdict::MerchantWins, s.t.clock.now()).unwrap();
        s.chase().await;
        let now = s.now(order).await;
        assert_eq!((now.order.paid, now.order.state), (yuan("100.00"), State::AfterSaleOpen), "{}", s.name);
        assert_eq!(s.given_back(), [0_i64; 0], "{}", s.name);
        // Now the case can be decided, and is not the end of the order.
        s.t.shop.approve_case(&li, case, "").await.unwrap();
        s.chase().await;
        assert_eq!(s.now(order).await.order.state, State::PartialRefunded, "{}", s.name);
        assert_eq!(s.given_back(), [1_000], "{}", s.name);

        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_refund_takes_no_other_debt_with_it() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        s.set_refund_check_over(5_000).await;
        let (li, wang) = (s.t.staff().named("li"), s.t.staff().named("wang"));
        let order = s.delivered("key-00000001").await;
        // 5.00 are owed because the bank refused them.
        s.bank.it().misbehave(Op::Refund, [Fault::Refuse]);
        s.t.shop.refund(&li, order, yuan("5.00"), "").await.unwrap();
        s.t.shop.chase(&s.t.system()).await.unwrap();
        assert_eq!(s.now(order).await.order.owes().unwrap(), yuan("-5.00"), "{}", s.name);
        s.t.shop.refund(&li, order, yuan("60.00"), "").await.unwrap();
        let asked = s.waiting(order).await;
        assert_eq!(asked.len(), 1, "{}", s.name);
        // Somebody who looked at less, or at what is not there, decides nothing.
        let unseen = s.t.shop.approve_refunds(&wang, order, &[]).await.unwrap_err();
        assert_eq!(unseen.code(), Code::UnknownRefund);
        s.t.shop.reject_refunds(&wang, order, &asked, "").await.unwrap();
        s.chase().await;
        assert_eq!(s.given_back(), [500], "{}: the debt is paid, the rejected one is not", s.name);
        // Two who both ask do not lock each other out.
        s.t.shop.refund(&li, order, yuan("60.00"), "").await.unwrap();
        s.t.shop.refund(&wang, order, yuan("10.00"), "").await.unwrap();
        let waiting = s.t.shop.refunds_to_approve(&wang).await.unwrap();
        let of = |who: &str| waiting.iter().filter(|r| r.asked_by == who).map(|r| r.id).collect::<Vec<_>>();
        s.t.shop.approve_refunds(&wang, order, &of("li")).await.unwrap();
        s.t.shop.reject_refunds(&li, order, &of("wang"), "").await.unwrap();
        s.chase().await;
        assert_eq!(s.given_back().iter().sum::<i64>(), 6_500, "{}", s.name);
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_channel_s_word_is_not_believed() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        // The same company under two codes: its keys are known under both.
        let order = s.paid("key-00000001", 10).await;
        let other = crate::bank::Bank::beside(&s.t, &s.bank, "other");
        s.complain(order, &s.now(order).await, "100.00");
        let (_, message) = s.bank.messages(&s.t).remove(0);
        let elsewhere = s.t.shop.take_notification(&s.t.system(), &other.code, &message).await.unwrap_err();
        assert_eq!(elsewhere.code(), Code::UnknownPayment, "{}", s.name);
        assert_eq!(s.now(order).await.order.paid, yuan("100.00"), "{}", s.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_the_bank_will_not_take_can_be_given_again() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        s.disputed("key-00000001", 10, "100.00").await;
        let dispute = s.open_dispute().await;
        s.bank.it().misbehave(Op::AnswerDispute, [Fault::Refuse]);
        s.t.shop.contest_dispute(&s.t.staff(), dispute.id, "").await.unwrap();
        s.t.shop.chase(&s.t.system()).await.unwrap();
        let back = s.open_dispute().await;
        assert_eq!(back.state, DisputeState::Open, "{}", s.name);
        assert!(!back.failure.is_empty(), "{}", s.name);
        s.t.shop.contest_dispute(&s.t.staff(), dispute.id, "").await.unwrap();
        s.t.shop.chase(&s.t.system()).await.unwrap();
        assert_eq!(s.open_dispute().await.state, DisputeState::UnderReview, "{}", s.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn above_the_limit_two_people_have_to_agree() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        s.set_refund_check_over(5_000).await;
        let (li, wang) = (s.t.staff().named("li"), s.t.staff().named("wang"));
        let order = s.paid("key-00000001", 10).await;
        // In small parts it is as much in the end.
        s.t.shop.refund(&li, order, yuan("30.00"), "少发").await.unwrap();
        s.chase().await;
        assert_eq!(s.given_back(), [3_000], "{}", s.name);
        let asked = s.t.shop.refund(&li, order, yuan("30.00"), "再退").await.unwrap();
        assert_eq!(asked.refunds[1].state, RefundState::Requested, "{}", s.name);
        s.chase().await;
        assert_eq!(s.given_back(), [3_000], "{}: it waits", s.name);
        assert_eq!(s.t.shop.refunds_to_approve(&wang).await.unwrap().len(), 1);
        for nobody in [&li, &s.t.staff()] {
            let refused = s.t.shop.approve_refunds(nobody, order, &s.waiting(order).await).await.unwrap_err();
            assert_eq!(refused.code(), Code::NeedsASecondPerson, "{}", s.name);
        }
        let by_shopper = s.t.shop.approve_refunds(&s.buyer.caller, order, &s.waiting(order).await).await.unwrap_err();
        assert_eq!(by_shopper.code(), Code::NotAllowed);
        s.t.shop.reject_refunds(&wang, order, &s.waiting(order).await, "证据不足").await.unwrap();
        let rejected = s.now(order).await;
        assert_eq!(
            (rejected.refunds[1].state, rejected.order.paid),
            (RefundState::Failed, yuan("70.00")),
            "{}",
            s.name
        );
        assert_eq!(rejected.order.owes().unwrap(), yuan("0.00"), "{}: and is not owed", s.name);
        assert_eq!(
            s.t.shop.approve_refunds(&wang, order, &s.waiting(order).await).await.unwrap_err().code(),
            Code::UnknownRefund
        );
        s.t.shop.refund(&li, order, yuan("30.00"), "有照片").await.unwrap();
        s.t.shop.approve_refunds(&wang, order, &s.waiting(order).await).await.unwrap();
        s.chase().await;
        let total: i64 = s.given_back().iter().sum();
        assert_eq!(total, 6_000, "{}", s.name);
        s.t.assert_books().await;

        // A gift card gets its part in the moment of the agreement.
        let code = s.card("60.00").await;
        let order = s.order("key-00000002", 5).await;
        let card = commerce_core::payment::Method::GiftCard { code: code.clone() };
        s.pay(order, &[card, s.bank.method()]).await.unwrap();
        s.bank.pays(&s.t, &s.now(order).await);
        s.bank.deliver(&s.t).await;
        let balance = async || s.t.shop.gift_card_balance(&li, &code).await.unwrap().1;
        s.t.shop.refund(&li, order, yuan("62.00"), "全退").await.unwrap();
        assert_eq!(balance().await, yuan("0.00"), "{}", s.name);
        s.t.shop.approve_refunds(&wang, order, &s.waiting(order).await).await.unwrap();
        assert_eq!(balance().await, yuan("60.00"), "{}", s.name);
        s.chase().await;
        assert_eq!(s.now(order).await.status, PaymentStatus::Refunded, "{}", s.name);
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_whose_money_is_turned_down_is_turned_down() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        s.set_refund_check_over(1_000).await;
        let (li, wang) = (s.t.staff().named("li"), s.t.staff().named("wang"));
        let order = s.delivered("key-00000001").await;
        let line = s.t.shop.order(&li, order).await.unwrap().1[0].id;
        let request = CaseRequest {
            kind: CaseKind::Refund,
            items: vec![(line, 5)],
            exchange_to: None,
            reason: Reason::Spoiled,
            note: String::new(),
        };
        let apply = async || s.t.shop.apply_after_sale(&s.buyer.caller, order, &request).await.unwrap()[0].id;
        let case_now = async |id| {
            let cases = s.t.shop.cases(&s.buyer.caller, order).await.unwrap();
            cases.into_iter().find(|case| case.id == id).unwrap()
        };
        let case = apply().await;
        s.t.shop.approve_case(&li, case, "").await.unwrap();
        assert_eq!(case_now(case).await.status, CaseStatus::Processing, "{}", s.name);
        s.t.shop.reject_refunds(&wang, order, &s.waiting(order).await, "照片看不清").await.unwrap();
        let turned_down = case_now(case).await;
        assert_eq!(
            (turned_down.status, turned_down.resolution.as_str()),
            (CaseStatus::Rejected, "照片看不清"),
            "{}",
            s.name
        );
        assert_eq!(s.now(order).await.order.state, State::Delivered, "{}", s.name);
        // The goods were not given back: all of them can be applied for again.
        let again = apply().await;
        s.t.shop.approve_case(&li, again, "").await.unwrap();
        s.t.shop.approve_refunds(&wang, order, &s.waiting(order).await).await.unwrap();
        s.chase().await;
        assert_eq!(case_now(again).await.status, CaseStatus::Done, "{}", s.name);
        assert_eq!(s.given_back(), [5_000], "{}", s.name);
        s.t.assert_books().await;
    }
}

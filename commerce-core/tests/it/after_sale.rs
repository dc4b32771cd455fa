//! Goods that come back, goods that are exchanged, money that goes back.

use crate::bank::Bank;
use crate::db::Db;
use crate::shop::{Buyer, TestShop, yuan};
use commerce_core::after_sale::{Case, CaseKind, CaseStatus, Reason};
use commerce_core::catalog::{ProductKind, SkuId};
use commerce_core::error::{Code, Failure};
use commerce_core::order::{Act, ChangeRule, LineId, Order, OrderError, OrderId, State};
use commerce_core::{CaseRequest, Condition, Shipment};

struct Story {
    t: TestShop,
    bank: Bank,
    buyer: Buyer,
    /// 60.00 and 90.00, variants of one product.
    small: SkuId,
    large: SkuId,
    name: &'static str,
}

impl Story {
    async fn begin(db: &Db) -> Self {
        let t = TestShop::open(db).await;
        let product = t.product("HONEY", ProductKind::Physical);
        let (small, large) = (t.sku(&product, "HONEY-S", "60.00"), t.sku(&product, "HONEY-L", "90.00"));
        let (small_id, large_id) = (small.id, large.id);
        t.shop.save_products(&t.staff(), &[(product, vec![small, large])]).await.unwrap();
        for sku in [small_id, large_id] {
            t.receive(sku, 10).await;
        }
        let buyer = t.add_customer("C1").await;
        let bank = Bank::connect(&t, "sandbox");
        Self { t, bank, buyer, small: small_id, large: large_id, name: db.name }
    }

    /// Paid through the bank, shipped, and on its way.
    async fn shipped(&self, key: &str, items: &[(SkuId, u32)]) -> (OrderId, Vec<LineId>) {
        let (t, staff) = (&self.t, self.t.staff());
        let wants = self.buyer.wants(items);
        let order = t.shop.place_order(&self.buyer.caller, self.buyer.customer, key, wants).await.unwrap().order;
        let paying = t.shop.pay(&self.buyer.caller, order, &[self.bank.method()]).await.unwrap();
        self.bank.pays(t, &paying);
        self.bank.deliver(t).await;
        t.shop.allocate_order(&staff, order).await.unwrap();
        for act in [Act::Pick, Act::Pack] {
            t.shop.move_order(&staff, order, act).await.unwrap();
        }
        self.ship(order).await;
        let lines = t.shop.order(&staff, order).await.unwrap().1;
        (order, lines.iter().map(|line| line.id).collect())
    }

    async fn delivered(&self, key: &str, items: &[(SkuId, u32)]) -> (OrderId, Vec<LineId>) {
        let (order, lines) = self.shipped(key, items).await;
        self.arrive(order).await;
        (order, lines)
    }

    async fn ship(&self, order: OrderId) {
        let shipment = Shipment { carrier: "SF".into(), tracking_no: "SF1".into() };
        for parcel in self.t.shop.parcels(&self.t.staff(), order).await.unwrap() {
            self.t.shop.ship_parcel(&self.t.staff(), parcel.id, &shipment).await.unwrap();
        }
    }

    async fn arrive(&self, order: OrderId) {
        for parcel in self.t.shop.parcels(&self.t.staff(), order).await.unwrap() {
            self.t.shop.deliver_parcel(&self.t.staff(), parcel.id).await.unwrap();
        }
    }

    async fn apply(&self, order: OrderId, request: &CaseRequest) -> Result<Vec<Case>, OrderError> {
        self.t.shop.apply_after_sale(&self.buyer.caller, order, request).await
    }

    async fn now(&self, order: OrderId) -> Order {
        self.t.shop.order(&self.buyer.caller, order).await.unwrap().0
    }

    /// Approved, sent back, received, and the money on its way.
    async fn through(&self, case: &Case) {
        self.t.shop.approve_case(&self.t.staff(), case.id, "同意").await.unwrap();
        if case.kind != CaseKind::Refund {
            self.t.shop.receive_returned(&self.t.staff(), case.id, Condition::Resell).await.unwrap();
        }
        self.t.shop.chase(&self.t.system()).await.unwrap();
        self.bank.deliver(&self.t).await;
    }

    fn given_back(&self) -> i64 {
        self.bank.it().returns().map(|back| back.amount.minor()).sum()
    }
}

fn request(kind: CaseKind, reason: Reason, items: &[(LineId, u32)]) -> CaseRequest {
    CaseRequest { kind, items: items.to_vec(), exchange_to: None, reason, note: "包装破损".into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_back_is_paid_back_part_by_part() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let rule = r#"{"rule_id": "autumn", "title": {"zh": "满减", "en": "Autumn"}, "type": "full_reduction",
            "scope": {"level": "platform"}, "condition": {"amount_at_least": "100.00"}, "effect": {"reduce": "10.00"}, "stackable": true,
            "priority": 1, "valid_from": "2026-01-01T00:00:00+08:00", "valid_to": "2027-01-01T00:00:00+08:00"}"#;
        s.t.shop.publish_rule(&s.t.staff(), rule).await.unwrap();
        // 3 × 60.00 less 10.00, without freight: 170.00.
        let (order, lines) = s.delivered("key-00000001", &[(s.small, 3)]).await;
        let before = s.t.stock(s.small).await;
        let mut back = Vec::new();
        for state in [State::PartialRefunded, State::PartialRefunded, State::Canceled] {
            let applied =
                s.apply(order, &request(CaseKind::Return, Reason::ChangedMind, &[(lines[0], 1)])).await.unwrap();
            assert_eq!(s.now(order).await.state, State::AfterSaleOpen, "{}", s.name);
            back.push(applied[0].refund_amount.minor());
            s.through(&applied[0]).await;
            assert_eq!(s.now(order).await.state, state, "{}", s.name);
        }
        assert_eq!(back.iter().sum::<i64>(), 17_000, "{}: {back:?}", s.name);
        assert_eq!((s.given_back(), s.now(order).await.paid), (17_000, yuan("0.00")), "{}", s.name);
        assert_eq!(s.t.stock(s.small).await.0, before.0 + 3, "{}: the goods are back", s.name);
        let cases = s.t.shop.cases(&s.buyer.caller, order).await.unwrap();
        assert!(cases.iter().all(|case| case.status == CaseStatus::Done), "{cases:?}");
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_freight_goes_back_with_the_last_of_the_goods_if_the_shop_was_at_fault() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        for (key, reason, expected) in
            [("key-00000001", Reason::Damaged, 6_800), ("key-00000002", Reason::ChangedMind, 12_800)]
        {
            let (order, lines) = s.delivered(key, &[(s.small, 1)]).await;
            let applied = s.apply(order, &request(CaseKind::Return, reason, &[(lines[0], 1)])).await.unwrap();
            s.through(&applied[0]).await;
            assert_eq!(s.given_back(), expected, "{} {reason}", s.name);
        }
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_that_never_arrived_are_paid_back_without_coming_back() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (order, lines) = s.shipped("key-00000001", &[(s.small, 2)]).await;
        let too_soon = s.apply(order, &request(CaseKind::Return, Reason::Damaged, &[(lines[0], 1)])).await.unwrap_err();
        assert!(matches!(too_soon, OrderError::Refused { rule: ChangeRule::ReturnOnlyAfterDelivery }), "{too_soon}");
        let applied = s.apply(order, &request(CaseKind::Refund, Reason::Lost, &[(lines[0], 2)])).await.unwrap();
        let by_shopper = s.t.shop.approve_case(&s.buyer.caller, applied[0].id, "").await.unwrap_err();
        assert_eq!(by_shopper.code(), Code::NotAllowed);
        s.through(&applied[0]).await;
        assert_eq!((s.now(order).await.state, s.given_back()), (State::Canceled, 12_000), "{}", s.name);
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_settles_the_difference_and_sends_the_other_variant() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (order, lines) = s.delivered("key-00000001", &[(s.small, 2)]).await;
        let wanted = |to| CaseRequest {
            exchange_to: Some(to),
            ..request(CaseKind::Exchange, Reason::WrongVariant, &[(lines[0], 1)])
        };
        let same = s.apply(order, &wanted(s.small)).await.unwrap_err();
        assert!(matches!(same, OrderError::Refused { rule: ChangeRule::SwapToAnotherVariant }), "{same}");
        let other = s.t.add_product("TEA", &["TEA-1"]).await[0];
        let other = s.apply(order, &wanted(other)).await.unwrap_err();
        assert!(matches!(other, OrderError::Refused { rule: ChangeRule::SwapWithinTheProduct }), "{other}");
        let none = request(CaseKind::Exchange, Reason::WrongVariant, &[(lines[0], 1)]);
        let none = s.apply(order, &none).await.unwrap_err();
        assert!(matches!(none, OrderError::Refused { rule: ChangeRule::ExchangeNeedsAVariant }), "{none}");

        let case = s.apply(order, &wanted(s.large)).await.unwrap().remove(0);
        s.t.shop.approve_case(&s.t.staff(), case.id, "").await.unwrap();
        s.t.shop.receive_returned(&s.t.staff(), case.id, Condition::Scrap).await.unwrap();
        // The other one costs 30.00 more: paid first, sent then.
        let now = s.now(order).await;
        assert_eq!((now.state, now.owes().unwrap()), (State::AfterSaleOpen, yuan("30.00")), "{}", s.name);
        let planned = s.t.shop.parcels(&s.t.staff(), order).await.unwrap();
        let new = planned.iter().find(|parcel| parcel.tracking_no.is_empty()).expect("a parcel is planned").id;
        let unpaid = s.t.shop.ship_parcel(&s.t.staff(), new, &Shipment::default()).await.unwrap_err();
        assert_eq!(unpaid.code(), Code::PaymentIncomplete, "{}", s.name);
        let paying = s.t.shop.pay(&s.buyer.caller, order, &[s.bank.method()]).await.unwrap();
        s.bank.pays(&s.t, &paying);
        s.bank.deliver(&s.t).await;
        s.ship(order).await;
        s.arrive(order).await;
        let done = s.t.shop.cases(&s.buyer.caller, order).await.unwrap().remove(0);
        assert_eq!(done.status, CaseStatus::Done, "{}", s.name);
        assert_eq!(s.t.stock(s.large).await, (9, 0), "{}", s.name);

        // And what came in exchange can come back, too: everything that was paid goes back.
        let (_, lines) = s.t.shop.order(&s.buyer.caller, order).await.unwrap();
        let left: Vec<(LineId, u32)> =
            lines.iter().filter(|l| l.returned_qty < l.qty).map(|l| (l.id, l.qty - l.returned_qty)).collect();
        assert_eq!(left.len(), 2);
        assert_eq!(s.now(order).await.state, State::Delivered, "{}", s.name);
        for case in s.apply(order, &request(CaseKind::Return, Reason::ChangedMind, &left)).await.unwrap() {
            s.through(&case).await;
        }
        assert_eq!((s.now(order).await.paid, s.given_back()), (yuan("0.00"), 15_000), "{}", s.name);
        s.t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_or_withdrawn_leaves_the_order_as_it_was() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (order, lines) = s.shipped("key-00000001", &[(s.small, 2), (s.large, 1)]).await;
        let wants = |items: &[(LineId, u32)]| request(CaseKind::Refund, Reason::Late, items);
        let refusals = [
            (wants(&[]), ChangeRule::AfterSaleNeedsItems),
            (wants(&[(lines[0], 3)]), ChangeRule::AfterSaleNotMoreThanBought),
            (wants(&[(lines[0], 0)]), ChangeRule::AfterSaleNotMoreThanBought),
            (wants(&[(lines[0], u32::MAX)]), ChangeRule::AfterSaleNotMoreThanBought),
            (wants(&[(lines[1], 1), (lines[1], 1)]), ChangeRule::AfterSaleNotMoreThanBought),
            (request(CaseKind::Compensation, Reason::Late, &[(lines[0], 1)]), ChangeRule::AfterSaleByTheShop),
        ];
        for (request, rule) in refusals {
            let refused = s.apply(order, &request).await.unwrap_err();
            assert!(matches!(refused, OrderError::Refused { rule: got } if got == rule), "{}: {refused}", s.name);
        }
        let thief = s.t.add_customer("C2").await;
        let stolen = s.t.shop.apply_after_sale(&thief.caller, order, &wants(&[(lines[0], 1)])).await.unwrap_err();
        assert!(matches!(stolen, OrderError::NotFound), "{stolen}");
        let cases = s.apply(order, &wants(&[(lines[0], 1), (lines[1], 1)])).await.unwrap();
        assert!(s.t.shop.withdraw_case(&thief.caller, cases[0].id).await.is_err());
        s.t.shop.withdraw_case(&s.buyer.caller, cases[0].id).await.unwrap();
        assert_eq!(s.now(order).await.state, State::AfterSaleOpen, "{}: the other case is open", s.name);
        s.t.shop.reject_case(&s.t.staff(), cases[1].id, "物流显示明日送达").await.unwrap();
        assert_eq!(s.now(order).await.state, State::Shipped, "{}: on its way again", s.name);
        assert!(s.t.shop.approve_case(&s.t.staff(), cases[1].id, "").await.is_err());
        s.arrive(order).await;
        assert_eq!(s.now(order).await.state, State::Delivered, "{}", s.name);
        // Something for the trouble.
        let case = s.t.shop.compensate(&s.t.staff(), order, yuan("5.00"), "晚到一天").await.unwrap();
        s.t.shop.chase(&s.t.system()).await.unwrap();
        s.bank.deliver(&s.t).await;
        let done = s.t.shop.cases(&s.buyer.caller, order).await.unwrap();
        let done = done.iter().find(|known| known.id == case.id).unwrap();
        assert_eq!((done.status, s.given_back()), (CaseStatus::Done, 500), "{}", s.name);
        let complaint = s.apply(order, &request(CaseKind::Complaint, Reason::Late, &[(lines[0], 1)])).await.unwrap();
        assert_eq!(s.now(order).await.state, State::Delivered, "{}: a complaint moves nothing", s.name);
        assert_eq!(s.t.shop.open_cases(&s.t.staff()).await.unwrap().len(), 1);
        s.t.shop.close_complaint(&s.t.staff(), complaint[0].id, "已致歉").await.unwrap();
        assert!(s.t.shop.open_cases(&s.t.staff()).await.unwrap().is_empty());
        s.t.assert_books().await;
    }
}

use crate::db::Db;
use crate::shop::{START, TestShop, yuan};
use commerce_core::caller::Caller;
use commerce_core::cart::CartLine;
use commerce_core::catalog::ProductKind;
use commerce_core::customer::Address;
use commerce_core::error::{Code, Failure};
use commerce_core::import::{Format, Privacy, Sheet};
use commerce_core::order::{Act, ChangeRule, Hold, OrderError, State};
use commerce_core::pricing::{Activity, Price, PriceRule};
use commerce_core::store::OrderSearch;
use commerce_core::time::{HOUR, MINUTE};
use commerce_core::{Item, OrderRequest, PlaceError};

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_what_the_order_charges() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let skus = t.add_product("RICE", &["RICE-5KG", "RICE-10KG"]).await;
        t.receive(skus[0], 10).await;
        t.receive(skus[1], 10).await;
        let buyer = t.add_customer("C1").await;
        for (sku, qty) in [(skus[0], 2), (skus[1], 1)] {
            t.shop.put_in_cart(&buyer.caller, buyer.customer, &CartLine { sku, activity: None, qty }).await.unwrap();
        }
        let items = t.shop.cart(&buyer.caller, buyer.customer).await.unwrap();
        let request = OrderRequest { items, ..buyer.wants(&[]) };
        let preview = t.shop.preview(&buyer.caller, buyer.customer, &request).await.unwrap();
        // 30.00 of goods, 1.5 kg to Zhejiang: 8.00 for the first kilogram, 2.00 for the second.
        assert_eq!(
            (preview.totals.goods, preview.totals.freight, preview.totals.total),
            (yuan("30.00"), yuan("10.00"), yuan("40.00"))
        );
        let placed = t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", request).await.unwrap();
        let charged = (placed.goods, placed.discount, placed.freight, placed.tax, placed.total);
        let shown = (
            preview.totals.goods,
            preview.totals.discount,
            preview.totals.freight,
            preview.totals.tax,
            preview.totals.total,
        );
        assert_eq!(charged, shown);
        assert_eq!(placed.status, "PENDING_PAYMENT");
        assert_eq!(placed.order_no, format!("{}0000001", START.day(480)));
        assert_eq!(t.stock(skus[0]).await, (10, 2));
        assert!(t.shop.cart(&buyer.caller, buyer.customer).await.unwrap().is_empty(), "what was bought left the cart");
    }
}

/// The budget of the architecture page. Transaction control is not counted.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_takes_twelve_statements_at_most() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let codes: Vec<String> = (0..20).map(|i| format!("BUDGET-{i}")).collect();
        let skus = t.add_product("BUDGET", &codes.iter().map(String::as_str).collect::<Vec<_>>()).await;
        for sku in &skus {
            t.receive(*sku, 100).await;
        }
        let buyer = t.add_customer("C1").await;
        // The first order of a day also fetches a block of order numbers.
        t.shop.place_order(&buyer.caller, buyer.customer, "warm-up-key", buyer.wants(&[(skus[0], 1)])).await.unwrap();
        for lines in [1, 20] {
            let items: Vec<_> = skus[..lines].iter().map(|sku| (*sku, 1)).collect();
            let before = t.shop.store().statements();
            t.shop
                .place_order(&buyer.caller, buyer.customer, &format!("budget-key-{lines}"), buyer.wants(&items))
                .await
                .unwrap();
            let statements = t.shop.store().statements() - before;
            println!("{}: {statements} statements for {lines} lines", db.name);
            assert!(statements <= 12, "{}: {statements} statements for {lines} lines", db.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_paid_is_given_back_and_canceled() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let sku = t.add_product("TEA", &["TEA-1"]).await[0];
        t.receive(sku, 3).await;
        let buyer = t.add_customer("C1").await;
        let placed =
            t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", buyer.wants(&[(sku, 3)])).await.unwrap();
        t.clock.advance(15 * MINUTE);
        let swept = t.shop.sweep(&t.system()).await.unwrap();
        assert_eq!((swept.holds_expired, swept.orders_canceled), (1, 0));
        assert_eq!(t.stock(sku).await, (3, 0));
        // Late, but the goods are still there.
        let late = t.shop.confirm_paid(&t.system(), placed.order).await;
        assert!(matches!(late, Err(OrderError::HoldExpired)), "{late:?}");
        let reclaimed = t.shop.reclaim(&t.system(), placed.order).await.unwrap();
        assert_eq!((reclaimed.state, reclaimed.hold), (State::Paid, Hold::Consumed));
        // Another one is too late: its goods are gone, and in the end so is the order.
        t.shop.cancel_order(&buyer.caller, placed.order, "changed my mind").await.unwrap();
        let late =
            t.shop.place_order(&buyer.caller, buyer.customer, "key-00000002", buyer.wants(&[(sku, 2)])).await.unwrap();
        t.clock.advance(16 * MINUTE);
        t.shop.sweep(&t.system()).await.unwrap();
        t.shop.place_order(&buyer.caller, buyer.customer, "key-00000003", buyer.wants(&[(sku, 2)])).await.unwrap();
        let sold_out = t.shop.reclaim(&t.system(), late.order).await;
        assert_eq!(sold_out.unwrap_err().code(), Code::InsufficientStock);
        t.clock.advance(14 * MINUTE);
        let swept = t.shop.sweep(&t.system()).await.unwrap();
        assert_eq!(swept.orders_canceled, 1);
        let (order, _) = t.shop.order(&buyer.caller, late.order).await.unwrap();
        assert_eq!((order.state, order.cancel_reason.as_str()), (State::Canceled, "payment timeout"));
        t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variant_is_swapped_and_the_difference_settled() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let product = t.product("HONEY", ProductKind::Physical);
        let (small, large) = (t.sku(&product, "HONEY-S", "60.00"), t.sku(&product, "HONEY-L", "90.00"));
        let (small_id, large_id) = (small.id, large.id);
        t.shop.save_products(&t.staff(), &[(product, vec![small, large])]).await.unwrap();
        let other = t.add_product("OTHER", &["OTHER-1"]).await[0];
        for sku in [small_id, large_id, other] {
            t.receive(sku, 5).await;
        }
        let buyer = t.add_customer("C1").await;
        let placed = t
            .shop
            .place_order(&buyer.caller, buyer.customer, "key-00000001", buyer.wants(&[(small_id, 2)]))
            .await
            .unwrap();
        let line = t.shop.order(&buyer.caller, placed.order).await.unwrap().1[0].id;
        let swap = async |to| t.shop.swap_variant(&buyer.caller, placed.order, line, to).await;

        // Before payment the order simply costs something else.
        let swapped = swap(large_id).await.unwrap();
        assert_eq!((swapped.order.goods, swapped.order.paid), (yuan("180.00"), yuan("0.00")));
        assert_eq!((t.stock(small_id).await, t.stock(large_id).await), ((5, 0), (5, 2)));
        t.shop.confirm_paid(&t.system(), placed.order).await.unwrap();
        // 180.00 was above the free freight amount, 120.00 still is.
        let swapped = swap(small_id).await.unwrap();
        assert_eq!((swapped.difference, swapped.order.paid), (yuan("-60.00"), yuan("120.00")));

        for (to, rule) in [(small_id, ChangeRule::SwapToAnotherVariant), (other, ChangeRule::SwapWithinTheProduct)] {
            let refused = swap(to).await.unwrap_err();
            assert!(matches!(refused, OrderError::Refused { rule: got } if got == rule), "{refused}");
        }
        // A change followed by a cancel gives back exactly what was paid.
        let canceled = t.shop.cancel_order(&buyer.caller, placed.order, "changed my mind").await.unwrap();
        assert_eq!((canceled.state, canceled.paid), (State::Canceled, yuan("0.00")));
        let refunds = t.shop.payments(&buyer.caller, placed.order).await.unwrap().refunds;
        let mut amounts: Vec<i64> = refunds.iter().map(|refund| refund.amount.minor()).collect();
        amounts.sort_unstable();
        assert_eq!(amounts, [6_000, 12_000]);
        assert_eq!((t.stock(small_id).await, t.stock(large_id).await), ((5, 0), (5, 0)));
        t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_changes_until_the_goods_leave() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let sku = t.add_product("NUT", &["NUT-1"]).await[0];
        t.receive(sku, 5).await;
        let (buyer, stranger) = (t.add_customer("C1").await, t.add_customer("C2").await);
        let placed =
            t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", buyer.wants(&[(sku, 1)])).await.unwrap();
        let home = t.shop.addresses(&buyer.caller, buyer.customer).await.unwrap().remove(0);
        let mut far = Address { id: commerce_core::catalog::id_of_code(t.tenant, "far"), is_default: false, ..home };
        far.destination.province = "新疆维吾尔自治区".into();
        t.shop.save_address(&buyer.caller, &far).await.unwrap();

        let refused = t.shop.change_address(&buyer.caller, placed.order, stranger.address).await.unwrap_err();
        assert!(matches!(refused, OrderError::Refused { rule: ChangeRule::AddressOfTheSameCustomer }), "{refused}");
        let changed = t.shop.change_address(&buyer.caller, placed.order, far.id).await.unwrap();
        assert_eq!((changed.difference, changed.order.total), (yuan("12.00"), yuan("30.00")));

        t.shop.confirm_paid(&t.system(), placed.order).await.unwrap();
        t.shop.allocate_order(&t.staff(), placed.order).await.unwrap();
        for act in [Act::Pick, Act::Pack] {
            t.shop.move_order(&t.staff(), placed.order, act).await.unwrap();
        }
        let parcel = t.shop.parcels(&t.staff(), placed.order).await.unwrap().remove(0);
        t.shop.ship_parcel(&t.staff(), parcel.id, &commerce_core::Shipment::default()).await.unwrap();
        let refused = t.shop.change_address(&buyer.caller, placed.order, buyer.address).await.unwrap_err();
        assert!(matches!(refused, OrderError::Refused { rule: ChangeRule::AddressOnlyBeforeShipping }), "{refused}");
        let refused = t.shop.cancel_order(&buyer.caller, placed.order, "too late").await.unwrap_err();
        assert_eq!(refused.code(), Code::IllegalMove);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn shoppers_see_and_touch_only_their_own() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let sku = t.add_product("TEA", &["TEA-1"]).await[0];
        t.receive(sku, 5).await;
        let (buyer, stranger) = (t.add_customer("C1").await, t.add_customer("C2").await);
        let placed =
            t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", buyer.wants(&[(sku, 1)])).await.unwrap();
        let other_shop = TestShop::on(db.store().await, "other", 7).await;
        for thief in [&stranger.caller, &other_shop.staff(), &other_shop.system()] {
            assert!(matches!(t.shop.order(thief, placed.order).await, Err(OrderError::NotFound)));
            assert!(matches!(t.shop.order_by_no(thief, &placed.order_no).await, Err(OrderError::NotFound)));
            assert!(matches!(t.shop.cancel_order(thief, placed.order, "").await, Err(OrderError::NotFound)));
            let says_paid = t.shop.confirm_paid(thief, placed.order).await;
            assert!(matches!(says_paid, Err(OrderError::NotFound | OrderError::NotAllowed(_))), "{says_paid:?}");
            assert!(matches!(t.shop.parcels(thief, placed.order).await, Err(OrderError::NotFound)));
            assert!(t.shop.search_orders(thief, &OrderSearch::default(), 10).await.unwrap().is_empty());
        }
        let for_another =
            t.shop.place_order(&stranger.caller, buyer.customer, "key-00000002", buyer.wants(&[(sku, 1)])).await;
        assert_eq!(for_another.unwrap_err().code(), Code::UnknownCustomer);
        let from_another_shop =
            t.shop.place_order(&other_shop.staff(), buyer.customer, "key-00000003", buyer.wants(&[(sku, 1)])).await;
        assert_eq!(from_another_shop.unwrap_err().code(), Code::UnknownCustomer);
        // An address is its customer's, whoever knows its id.
        let mine = t.shop.addresses(&buyer.caller, buyer.customer).await.unwrap();
        let stolen = Address { customer: stranger.customer, ..mine[0].clone() };
        assert_eq!(t.shop.save_address(&stranger.caller, &stolen).await.unwrap_err().code(), Code::UnknownAddress);
        assert_eq!(t.shop.addresses(&buyer.caller, buyer.customer).await.unwrap(), mine);
        // A shopper does not do the shop's work.
        let count = commerce_core::Count { sku, warehouse: t.warehouse, batch: None, qty: 1 };
        let forbidden = [
            t.shop.receive_stock(&buyer.caller, &[count], "").await.unwrap_err().code(),
            t.shop.set_prices(&buyer.caller, &[]).await.unwrap_err().code(),
            t.shop.propose(&buyer.caller).await.unwrap_err().code(),
            t.shop.sweep(&buyer.caller).await.unwrap_err().code(),
            t.shop.export(&buyer.caller, Sheet::Customers, Format::Csv, Privacy::Full).await.unwrap_err().code(),
        ];
        assert_eq!(forbidden, [Code::NotAllowed; 5]);
        // A shopper does not pay by saying so.
        let says_paid = t.shop.confirm_paid(&buyer.caller, placed.order).await;
        assert!(matches!(says_paid, Err(OrderError::NotAllowed(_))), "{says_paid:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_activity_sells_what_was_set_aside_and_gets_it_back() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let sku = t.add_product("CRAB", &["CRAB-1"]).await[0];
        t.receive(sku, 10).await;
        let id = commerce_core::catalog::id_of_code(t.tenant, "LIVE");
        let (starts_at, ends_at) = (START.plus_micros(-HOUR), START.plus_micros(2 * HOUR));
        t.shop
            .save_activity(&t.staff(), &Activity { id, code: "LIVE".into(), name: "直播间".into(), starts_at, ends_at })
            .await
            .unwrap();
        let price = Price {
            id: commerce_core::catalog::id_of_code(t.tenant, "p"),
            sku,
            rule: PriceRule::Activity(id),
            amount: yuan("8.00"),
            valid_from: starts_at,
            valid_to: ends_at,
        };
        t.shop.set_prices(&t.staff(), &[price]).await.unwrap();
        t.shop.set_aside(&t.staff(), id, sku, 6).await.unwrap();
        assert_eq!(t.stock(sku).await, (10, 6));
        let buyer = t.add_customer("C1").await;
        let order = |key: &'static str, qty, activity| {
            let request = OrderRequest { items: vec![Item { activity, ..Item::of(sku, qty) }], ..buyer.wants(&[]) };
            let (shop, buyer) = (t.shop.clone(), buyer.clone());
            async move { shop.place_order(&buyer.caller, buyer.customer, key, request).await }
        };
        assert_eq!(order("key-too-many", 5, None).await.unwrap_err().code(), Code::InsufficientStock);
        let live = order("key-live-01", 4, Some(id)).await.unwrap();
        assert_eq!(live.goods, yuan("32.00"));
        assert_eq!(order("key-live-02", 3, Some(id)).await.unwrap_err().code(), Code::InsufficientStock);
        assert_eq!(t.stock(sku).await, (10, 6), "what was set aside was reserved already");
        // Given back while the activity runs, it is the activity's again.
        t.shop.cancel_order(&buyer.caller, live.order, "").await.unwrap();
        order("key-live-03", 6, Some(id)).await.unwrap();
        t.clock.advance(3 * HOUR);
        t.shop.sweep(&t.system()).await.unwrap();
        assert_eq!(t.stock(sku).await, (10, 0), "after the end everything is in the pool");
        assert_eq!(order("key-live-04", 1, Some(id)).await.unwrap_err().code(), Code::PriceExpired);
        t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn virtual_goods_are_delivered_as_soon_as_they_are_paid() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let product = t.product("COURSE", ProductKind::Virtual);
        let (endless, seats) = (t.sku(&product, "COURSE-VIDEO", "99.00"), t.sku(&product, "COURSE-SEAT", "199.00"));
        let (endless_id, seats_id) = (endless.id, seats.id);
        t.shop.save_products(&t.staff(), &[(product, vec![endless, seats])]).await.unwrap();
        t.receive(seats_id, 1).await;
        let buyer = t.add_customer("C1").await;
        let request = OrderRequest { address: None, ..buyer.wants(&[(endless_id, 3), (seats_id, 1)]) };
        let placed = t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", request.clone()).await.unwrap();
        assert_eq!((placed.freight, placed.total), (yuan("0.00"), yuan("496.00")));
        let full = t.shop.place_order(&buyer.caller, buyer.customer, "key-00000002", request).await;
        assert_eq!(full.unwrap_err().code(), Code::InsufficientStock);
        let paid = t.shop.confirm_paid(&t.system(), placed.order).await.unwrap();
        assert_eq!(paid.state, State::Delivered);
        assert_eq!(t.stock(seats_id).await, (0, 0));
        let history = t.shop.order_history(&buyer.caller, placed.order).await.unwrap();
        let names: Vec<&str> = history.iter().map(|event| event.name.as_str()).collect();
        assert_eq!(names, ["Order.Created", "Order.Paid", "Order.Delivered"]);
        t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_are_found_page_by_page() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let skus = t.add_product("RICE", &["RICE-1", "RICE-2"]).await;
        for sku in &skus {
            t.receive(*sku, 100).await;
        }
        let buyer = t.add_customer("C1").await;
        for i in 0..7 {
            let request = OrderRequest {
                channel: if i % 2 == 0 { "h5" } else { "wechat" }.into(),
                ..buyer.wants(&[(skus[i % 2], 1)])
            };
            t.shop.place_order(&buyer.caller, buyer.customer, &format!("key-0000000{i}"), request).await.unwrap();
            t.clock.advance(MINUTE);
        }
        let staff = t.staff();
        let count = async |search: OrderSearch| t.shop.search_orders(&staff, &search, 100).await.unwrap().len();
        assert_eq!(count(OrderSearch { channel: "h5".into(), ..OrderSearch::default() }).await, 4);
        assert_eq!(count(OrderSearch { phone_tail: "1234".into(), ..OrderSearch::default() }).await, 7);
        assert_eq!(count(OrderSearch { phone_tail: "%".into(), ..OrderSearch::default() }).await, 0);
        assert_eq!(count(OrderSearch { goods: "RICE-2".into(), ..OrderSearch::default() }).await, 3);
        assert_eq!(count(OrderSearch { goods: "商品 RICE".into(), ..OrderSearch::default() }).await, 7);
        assert_eq!(count(OrderSearch { state: Some(State::Paid), ..OrderSearch::default() }).await, 0);
        assert_eq!(
            count(OrderSearch {
                from: Some(START.plus_minutes(2)),
                to: Some(START.plus_minutes(4)),
                ..OrderSearch::default()
            })
            .await,
            2
        );
        let mut seen = Vec::new();
        let mut search = OrderSearch::default();
        loop {
            let page = t.shop.search_orders(&staff, &search, 3).await.unwrap();
            let Some(last) = page.last() else { break };
            search.after = Some((last.created_at, last.id));
            seen.extend(page.into_iter().map(|order| order.order_no));
        }
        assert_eq!(seen.len(), 7);
        assert!(seen.is_sorted_by(|a, b| a > b), "newest first: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_that_changed_is_not_charged_unseen() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let sku = t.add_product("TEA", &["TEA-1"]).await[0];
        t.receive(sku, 5).await;
        let buyer = t.add_customer("C1").await;
        let seen = |price: &str| OrderRequest {
            items: vec![Item { price_snapshot: Some(yuan(price)), ..Item::of(sku, 1) }],
            ..buyer.wants(&[])
        };
        let refused =
            t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", seen("9.00")).await.unwrap_err();
        assert!(
            matches!(&refused, PlaceError::PriceChanged { was, now, .. } if (*was, *now) == (yuan("9.00"), yuan("10.00"))),
            "{refused}"
        );
        let total = OrderRequest { expected_total: Some(yuan("10.00")), ..seen("10.00") };
        let refused = t.shop.place_order(&buyer.caller, buyer.customer, "key-00000002", total).await.unwrap_err();
        assert_eq!(refused.code(), Code::TotalChanged);
        t.shop
            .place_order(&Caller::shopper(t.tenant, buyer.customer), buyer.customer, "key-00000003", seen("10.00"))
            .await
            .unwrap();
    }
}

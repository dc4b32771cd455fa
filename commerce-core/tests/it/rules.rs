//! Marketing rules and coupons, from the JSON to the order.

use crate::db::Db;
use crate::shop::{TestShop, yuan};
use commerce_core::catalog::id_of_code;
use commerce_core::error::{Code, Failure};
use commerce_core::order::OrderId;
use commerce_core::rules::{CouponState, RuleState, Verdict};
use commerce_core::time::DAY;
use commerce_core::{Item, OrderRequest};
use sqlx::Connection;

/// A rule of the year 2026 for everybody.
fn rule(id: &str, kind: &str, rest: &str) -> String {
    format!(
        r#"{{"rule_id": "{id}", "title": {{"zh": "活动 {id}", "en": "Offer {id}"}}, "type": "{kind}",
            "valid_from": "2026-01-01T00:00:00+08:00", "valid_to": "2027-01-01T00:00:00+08:00", {}{rest}}}"#,
        defaults(rest)
    )
}

/// What the rest of the document does not say itself.
fn defaults(rest: &str) -> String {
    let parts = [
        ("scope", r#"{"level": "platform"}"#),
        ("condition", r#"{"all": []}"#),
        ("stackable", "true"),
        ("priority", "10"),
    ];
    let missing = parts.iter().filter(|(name, _)| !rest.contains(&format!("\"{name}\"")));
    missing.map(|(name, value)| format!("\"{name}\": {value},")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_make_preview_and_order_cheaper_by_the_same() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let (tea, rice) = (t.add_product("TEA", &["TEA-1"]).await[0], t.add_product("RICE", &["RICE-1"]).await[0]);
        for sku in [tea, rice] {
            t.receive(sku, 100).await;
        }
        let buyer = t.add_customer("C1").await;
        let staff = t.staff();
        let publish = async |json: String| t.shop.publish_rule(&staff, &json).await.unwrap();
        publish(rule(
            "tea-tenth",
            "discount",
            r#""scope": {"level": "product", "products": ["TEA"]}, "effect": {"percent_off": 1000}"#,
        ))
        .await;
        publish(rule(
            "over-100",
            "full_reduction",
            r#""condition": {"amount_at_least": "100.00"}, "effect": {"reduce": "15.00"}"#,
        ))
        .await;
        publish(rule(
            "gold-only",
            "discount",
            r#""condition": {"level_in": ["gold"]}, "effect": {"percent_off": 500}"#,
        ))
        .await;
        publish(rule(
            "ships-free",
            "free_shipping",
            r#""condition": {"pieces_at_least": 11}, "effect": {"free_shipping": true}"#,
        ))
        .await;

        let wants = buyer.wants(&[(tea, 5), (rice, 6)]);
        let preview = t.shop.preview(&buyer.caller, buyer.customer, &wants).await.unwrap();
        // 50.00 tea less 5.00, 60.00 rice, less 15.00 over both; 105.00 is over 100.00.
        assert_eq!((preview.totals.goods, preview.totals.discount), (yuan("110.00"), yuan("20.00")), "{}", db.name);
        assert_eq!((preview.totals.freight, preview.totals.total), (yuan("0.00"), yuan("90.00")), "{}", db.name);
        let verdicts: Vec<_> = preview.considered.iter().map(|one| (one.rule_id.as_str(), one.took_effect())).collect();
        assert_eq!(verdicts, [("tea-tenth", true), ("gold-only", false), ("over-100", true), ("ships-free", true)]);
        let why_not = &preview.considered[1];
        assert!(
            matches!(&why_not.verdict, Verdict::ConditionNotMet { path, .. } if path == "condition.level_in"),
            "{why_not:?}"
        );
        assert!(why_not.explain_zh().contains("gold"), "{}", why_not.explain_zh());

        let placed = t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", wants).await.unwrap();
        assert_eq!((placed.discount, placed.total), (preview.totals.discount, preview.totals.total), "{}", db.name);
        let (order, lines) = t.shop.order(&buyer.caller, placed.order).await.unwrap();
        assert_eq!(
            order.discounts.iter().map(|d| d.rule_id.as_str()).collect::<Vec<_>>(),
            ["tea-tenth", "over-100", "ships-free"]
        );
        let off: i64 = lines.iter().map(|line| line.discount.minor()).sum();
        assert_eq!(off, 2_000);
        let taxes: i64 = lines.iter().map(|line| line.tax.minor()).sum();
        assert_eq!(order.tax.minor(), taxes);

        // The floor price holds whatever the rules say: 6.00 each.
        publish(rule(
            "too-much",
            "full_reduction",
            r#""priority": 1, "condition": {"amount_at_least": "10.00"}, "effect": {"reduce": "9.99"}"#,
        ))
        .await;
        let one = buyer.wants(&[(tea, 1)]);
        let preview = t.shop.preview(&buyer.caller, buyer.customer, &one).await.unwrap();
        let at_least = preview.totals.goods.checked_sub(preview.totals.discount).unwrap();
        assert!(at_least.minor() >= 600, "{}: {at_least}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_taken_back_to_the_version_before() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let tea = t.add_product("TEA", &["TEA-1"]).await[0];
        t.receive(tea, 100).await;
        let buyer = t.add_customer("C1").await;
        let off = |reduce: &str| {
            rule(
                "sale",
                "full_reduction",
                &format!(r#""condition": {{"amount_at_least": "50.00"}}, "effect": {{"reduce": "{reduce}"}}"#),
            )
        };
        let discount = async || {
            let wants = buyer.wants(&[(tea, 10)]);
            t.shop.preview(&buyer.caller, buyer.customer, &wants).await.unwrap().totals.discount
        };
        for (reduce, version) in [("5.00", 1), ("20.00", 2), ("20.00", 2)] {
            let published = t.shop.publish_rule(&t.staff(), &off(reduce)).await.unwrap();
            assert_eq!((published.version, discount().await), (version, yuan(reduce)), "{}", db.name);
        }
        let back = t.shop.roll_back_rule(&t.staff(), "sale").await.unwrap();
        assert_eq!((back.version, back.state, discount().await), (3, RuleState::Active, yuan("5.00")), "{}", db.name);
        // Taken back once more, there is nothing left of it.
        let nothing = t.shop.roll_back_rule(&t.staff(), "sale").await.unwrap();
        assert_eq!((nothing.state, discount().await), (RuleState::Withdrawn, yuan("0.00")), "{}", db.name);
        t.shop.publish_rule(&t.staff(), &off("5.00")).await.unwrap();
        t.shop.withdraw_rule(&t.staff(), "sale").await.unwrap();
        assert_eq!(discount().await, yuan("0.00"));
        let gone = t.shop.roll_back_rule(&t.staff(), "sale").await.unwrap_err();
        assert_eq!(gone.code(), Code::UnknownRule);
        assert_eq!(t.shop.rule_history(&t.staff(), "sale").await.unwrap().len(), 6);
        assert_eq!(t.shop.rules(&t.staff()).await.unwrap()[0].state, RuleState::Withdrawn);
        let by_shopper = t.shop.publish_rule(&buyer.caller, &off("1.00")).await.unwrap_err();
        assert_eq!(by_shopper.code(), Code::NotAllowed);
        // What can be seen to be wrong is not taken, and every fault is named with its place.
        let endless = off("60.00").replace(r#""valid_to": "2027-01-01T00:00:00+08:00","#, "");
        let faulty = t.shop.publish_rule(&t.staff(), &endless).await.unwrap_err();
        assert_eq!(faulty.code(), Code::InvalidRule);
        let text = faulty.to_string();
        assert!(text.contains("valid_to") && text.contains("effect.reduce"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_was_withdrawn_is_not_taken_back_to_what_it_said_before() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let staff = t.staff();
        let off = |share: u32| rule("sale", "discount", &format!(r#""effect": {{"percent_off": {share}}}"#));
        t.shop.publish_rule(&staff, &off(1_000)).await.unwrap();
        assert_eq!(t.shop.withdraw_rule(&staff, "sale").await.unwrap(), 2, "{}", db.name);
        assert_eq!(t.shop.withdraw_rule(&staff, "sale").await.unwrap_err().code(), Code::UnknownRule);
        t.shop.publish_rule(&staff, &off(2_000)).await.unwrap();
        let back = t.shop.roll_back_rule(&staff, "sale").await.unwrap();
        assert_eq!((back.version, back.state), (4, RuleState::Withdrawn), "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_cannot_be_read_can_be_withdrawn() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let tea = t.add_product("TEA", &["TEA-1"]).await[0];
        t.receive(tea, 10).await;
        let buyer = t.add_customer("C1").await;
        let json = rule("sale", "discount", r#""effect": {"percent_off": 1000}"#);
        t.shop.publish_rule(&t.staff(), &json).await.unwrap();
        let mut conn = sqlx::AnyConnection::connect(&db.url).await.unwrap();
        sqlx::query("update rule_version set body = '{'").execute(&mut conn).await.unwrap();
        let wants = buyer.wants(&[(tea, 1)]);
        t.shop.preview(&buyer.caller, buyer.customer, &wants).await.unwrap_err();
        t.shop.withdraw_rule(&t.staff(), "sale").await.unwrap();
        t.shop.preview(&buyer.caller, buyer.customer, &wants).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_is_not_used_up_for_freight_that_costs_nothing() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let tea = t.add_product("TEA", &["TEA-1"]).await[0];
        t.receive(tea, 100).await;
        let buyer = t.add_customer("C1").await;
        let json = rule("post-free", "coupon", r#""effect": {"free_shipping": true}"#);
        t.shop.publish_rule(&t.staff(), &json).await.unwrap();
        let coupon = t.shop.grant_coupons(&t.staff(), "post-free", &[buyer.customer]).await.unwrap().remove(0);
        let preview = async |qty| {
            let request = OrderRequest { coupons: vec![coupon.code.clone()], ..buyer.wants(&[(tea, qty)]) };
            t.shop.preview(&buyer.caller, buyer.customer, &request).await
        };
        // From 99.00 on nothing is charged for freight.
        let refused = preview(10).await.unwrap_err();
        assert_eq!(refused.code(), Code::CouponRefused, "{}", db.name);
        assert!(refused.to_string().contains("no freight") && refused.zh().contains("没有运费"), "{refused}");
        assert_eq!(preview(5).await.unwrap().totals.freight, yuan("0.00"), "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn coupons_are_for_customers_there_are_and_not_without_end() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let buyer = t.add_customer("C1").await;
        let staff = t.staff();
        let json = rule("welcome", "coupon", r#""effect": {"percent_off": 1000}"#);
        t.shop.publish_rule(&staff, &json).await.unwrap();
        let nobody = id_of_code(t.tenant, "nobody");
        let refused = t.shop.grant_coupons(&staff, "welcome", &[buyer.customer, nobody]).await.unwrap_err();
        assert_eq!(refused.code(), Code::UnknownCustomer, "{}", db.name);
        let refused = t.shop.grant_coupons(&staff, "welcome", &vec![buyer.customer; 10_001]).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidRequest, "{}", db.name);
        let refused = t.shop.print_coupons(&staff, "welcome", 10_001).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidRequest, "{}", db.name);
        assert!(t.shop.coupons(&staff, buyer.customer).await.unwrap().is_empty(), "{}", db.name);
        assert_eq!(t.shop.grant_coupons(&staff, "welcome", &[buyer.customer; 2]).await.unwrap().len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_coupon_is_used_once_and_comes_back_with_a_canceled_order() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let tea = t.add_product("TEA", &["TEA-1"]).await[0];
        t.receive(tea, 1_000).await;
        let (buyer, other) = (t.add_customer("C1").await, t.add_customer("C2").await);
        let json =
            rule("welcome", "coupon", r#""condition": {"amount_at_least": "50.00"}, "effect": {"reduce": "10.00"}"#);
        t.shop.publish_rule(&t.staff(), &json).await.unwrap();
        let mine = t.shop.grant_coupons(&t.staff(), "welcome", &[buyer.customer]).await.unwrap().remove(0);
        let open = t.shop.print_coupons(&t.staff(), "welcome", 1).await.unwrap().remove(0);
        let with = |coupons: &[&str], qty| OrderRequest {
            coupons: coupons.iter().map(ToString::to_string).collect(),
            items: vec![Item::of(tea, qty)],
            ..buyer.wants(&[])
        };
        let place = async |key: &str, request| t.shop.place_order(&buyer.caller, buyer.customer, key, request).await;
        let refused = place("key-00000001", with(&[&mine.code], 4)).await.unwrap_err();
        assert_eq!(refused.code(), Code::CouponRefused);
        assert!(refused.zh().contains("50.00"), "{}", refused.zh());
        assert_eq!(place("key-00000002", with(&["NOSUCH"], 9)).await.unwrap_err().code(), Code::UnknownCoupon);
        let stolen = OrderRequest { address: Some(other.address), ..with(&[&mine.code], 9) };
        let stolen = t.shop.place_order(&other.caller, other.customer, "key-00000003", stolen).await.unwrap_err();
        assert_eq!(stolen.code(), Code::UnknownCoupon, "{}", db.name);

        let placed = place("key-00000004", with(&[&mine.code], 9)).await.unwrap();
        assert_eq!(placed.discount, yuan("10.00"), "{}", db.name);
        assert_eq!(place("key-00000005", with(&[&mine.code], 9)).await.unwrap_err().code(), Code::CouponRefused);
        assert_eq!(t.shop.coupons(&buyer.caller, buyer.customer).await.unwrap()[0].state, CouponState::Used);
        assert!(t.shop.coupons(&other.caller, buyer.customer).await.is_err());
        t.shop.cancel_order(&buyer.caller, placed.order, "").await.unwrap();
        assert_eq!(t.shop.coupons(&buyer.caller, buyer.customer).await.unwrap()[0].state, CouponState::Unused);

        // Fifty at once with one coupon that whoever has may use: one order has it.
        let orders: Vec<_> = (0..50)
            .map(|i| {
                let (shop, buyer, request) = (t.shop.clone(), buyer.clone(), with(&[&open.code], 6));
                tokio::spawn(async move {
                    shop.place_order(&buyer.caller, buyer.customer, &format!("many-{i:08}"), request).await
                })
            })
            .collect();
        let mut with_it: Vec<OrderId> = Vec::new();
        for order in orders {
            match order.await.unwrap() {
                Ok(placed) => with_it.push(placed.order),
                Err(error) => assert_eq!(error.code(), Code::CouponRefused, "{error}"),
            }
        }
        assert_eq!(with_it.len(), 1, "{}", db.name);
        // An order that nobody pays gives it back, too.
        t.clock.advance(DAY);
        t.shop.sweep(&t.system()).await.unwrap();
        place("key-00000006", with(&[&open.code], 6)).await.unwrap();
        t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_variant_keeps_its_share_of_the_discount() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let product = t.product("HONEY", commerce_core::catalog::ProductKind::Physical);
        let (small, large) = (t.sku(&product, "HONEY-S", "60.00"), t.sku(&product, "HONEY-L", "90.00"));
        let (small_id, large_id) = (small.id, large.id);
        t.shop.save_products(&t.staff(), &[(product, vec![small, large])]).await.unwrap();
        for sku in [small_id, large_id] {
            t.receive(sku, 5).await;
        }
        let buyer = t.add_customer("C1").await;
        t.shop
            .publish_rule(&t.staff(), &rule("tenth", "discount", r#""effect": {"percent_off": 1000}"#))
            .await
            .unwrap();
        let wants = buyer.wants(&[(small_id, 2)]);
        let placed = t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", wants).await.unwrap();
        assert_eq!(placed.total, yuan("108.00"), "{}", db.name);
        t.shop.confirm_paid(&t.system(), placed.order).await.unwrap();
        let line = t.shop.order(&buyer.caller, placed.order).await.unwrap().1[0].id;
        let swapped = t.shop.swap_variant(&buyer.caller, placed.order, line, large_id).await.unwrap();
        assert_eq!((swapped.order.total, swapped.difference), (yuan("162.00"), yuan("54.00")), "{}", db.name);
        t.shop.swap_variant(&buyer.caller, placed.order, line, small_id).await.unwrap();
        let canceled = t.shop.cancel_order(&buyer.caller, placed.order, "").await.unwrap();
        assert_eq!(canceled.paid, yuan("0.00"));
        t.assert_books().await;
    }
}

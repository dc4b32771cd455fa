use crate::db::Db;
use crate::shop::{TestShop, yuan};
use commerce_core::order::{Hold, State};
use commerce_core::time::MINUTE;

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_what_the_order_charges() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let skus = t.add_product("RICE", &["RICE-5KG", "RICE-10KG"]).await;
        t.receive(skus[0], 10).await;
        t.receive(skus[1], 10).await;
        let buyer = t.add_customer("C1").await;
        let request = buyer.wants(&[(skus[0], 2), (skus[1], 1)]);
        let preview = t.shop.preview(&buyer.caller, buyer.customer, &request).await.unwrap();
        assert_eq!(preview.totals.total, yuan("40.00"));
        let before = t.shop.store().statements();
        let placed = t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", request).await.unwrap();
        println!("{} {}", db.name, t.shop.store().statements() - before);
        assert_eq!(
            (placed.total, placed.freight, placed.tax),
            (preview.totals.total, preview.totals.freight, preview.totals.tax)
        );
        assert_eq!(t.stock(skus[0]).await, (10, 2));
        t.clock.advance(16 * MINUTE);
        let swept = t.shop.sweep(&t.system()).await.unwrap();
        assert_eq!(swept.holds_expired, 1);
        let (order, lines) = t.shop.order(&buyer.caller, placed.order).await.unwrap();
        assert_eq!((order.hold, order.state, lines.len()), (Hold::Expired, State::PendingPayment, 2));
        assert_eq!(t.stock(skus[0]).await, (10, 0));
        t.assert_books().await;
    }
}

//! What clients, disks and operators get wrong: each gets a code and a word of advice, and nothing is half-written.

use crate::db::{Db, admin, on_server, postgres_url};
use crate::shop::{TestShop, yuan};
use commerce_core::catalog::{ProductStatus, id_of_code};
use commerce_core::error::{Code, Failure, Kind};
use commerce_core::money::{Currency, Money};
use commerce_core::store::{Options, Store, StoreError};
use commerce_core::{Item, OrderRequest, Shop};
use sqlx::{AnyConnection, Connection, Executor};

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_cannot_be() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let sku = t.add_product("TEA", &["TEA-1"]).await[0];
        let closed = t.add_product("OLD", &["OLD-1"]).await[0];
        t.receive(sku, 5).await;
        let product = commerce_core::catalog::Product {
            status: ProductStatus::Closed,
            ..t.product("OLD", commerce_core::catalog::ProductKind::Physical)
        };
        let old = t.sku(&product, "OLD-1", "10.00");
        t.shop.save_products(&t.staff(), &[(product, vec![old])]).await.unwrap();
        let elsewhere = TestShop::on(db.store().await, "elsewhere", 3).await;
        let theirs = elsewhere.add_product("TEA", &["TEA-1"]).await[0];
        let (buyer, stranger) = (t.add_customer("C1").await, t.add_customer("C2").await);
        let good = buyer.wants(&[(sku, 1)]);
        let cases = [
            ("no items", OrderRequest { items: Vec::new(), ..good.clone() }, Code::InvalidRequest),
            ("none of it", buyer.wants(&[(sku, 0)]), Code::InvalidRequest),
            ("far too many", buyer.wants(&[(sku, 10_000)]), Code::InvalidRequest),
            ("twice", buyer.wants(&[(sku, 1), (sku, 2)]), Code::InvalidRequest),
            ("101 lines", OrderRequest { items: vec![Item::of(sku, 1); 101], ..good.clone() }, Code::InvalidRequest),
            ("no channel", OrderRequest { channel: String::new(), ..good.clone() }, Code::InvalidRequest),
            ("a novel", OrderRequest { remark: "长".repeat(501), ..good.clone() }, Code::InvalidRequest),
            ("a zero byte", OrderRequest { remark: "\0".into(), ..good.clone() }, Code::InvalidRequest),
            ("unknown", buyer.wants(&[(id_of_code(t.tenant, "NONE"), 1)]), Code::UnknownSku),
            ("another shop's", buyer.wants(&[(theirs, 1)]), Code::UnknownSku),
            ("closed", buyer.wants(&[(closed, 1)]), Code::ProductClosed),
            ("sold out", buyer.wants(&[(sku, 6)]), Code::InsufficientStock),
            ("no address", OrderRequest { address: None, ..good.clone() }, Code::UnknownAddress),
            (
                "a stranger's address",
                OrderRequest { address: Some(stranger.address), ..good.clone() },
                Code::UnknownAddress,
            ),
            ("a coupon", OrderRequest { coupons: vec!["FREE".into()], ..good.clone() }, Code::UnknownCoupon),
            (
                "another batch",
                OrderRequest {
                    items: vec![Item { batch: Some(id_of_code(t.tenant, "B")), ..Item::of(sku, 1) }],
                    ..good.clone()
                },
                Code::InsufficientStock,
            ),
            (
                "a price of yesterday",
                OrderRequest {
                    items: vec![Item { price_snapshot: Some(yuan("1.00")), ..Item::of(sku, 1) }],
                    ..good.clone()
                },
                Code::PriceChanged,
            ),
        ];
        for (i, (what, request, code)) in cases.into_iter().enumerate() {
            let error = t
                .shop
                .place_order(&buyer.caller, buyer.customer, &format!("bad-key-{i:04}"), request)
                .await
                .unwrap_err();
            assert_eq!(error.code(), code, "{what} on {}: {error}", db.name);
            assert!(!error.zh().is_empty());
        }
        for key in ["short", "with space", "汉字汉字汉字", &"x".repeat(129)] {
            let error = t.shop.place_order(&buyer.caller, buyer.customer, key, good.clone()).await.unwrap_err();
            assert_eq!(error.code(), Code::InvalidIdempotencyKey, "{key}");
        }
        assert_eq!(t.stock(sku).await, (5, 0));
        // A refused request leaves its key free.
        let placed = t.shop.place_order(&buyer.caller, buyer.customer, "bad-key-0001", good).await.unwrap();
        assert!(placed.order_no.ends_with("0000001"), "refusals leave no gaps: {}", placed.order_no);
        t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn amounts_beyond_what_can_be_held() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let product = t.product("GOLD", commerce_core::catalog::ProductKind::Physical);
        let sku = commerce_core::catalog::Sku {
            list_price: Money::from_minor(i64::MAX / 2, Currency::CNY),
            ..t.sku(&product, "GOLD-1", "10.00")
        };
        let id = sku.id;
        t.shop.save_products(&t.staff(), &[(product, vec![sku])]).await.unwrap();
        t.receive(id, 100).await;
        let buyer = t.add_customer("C1").await;
        let error = t
            .shop
            .place_order(&buyer.caller, buyer.customer, "key-00000001", buyer.wants(&[(id, 3)]))
            .await
            .unwrap_err();
        assert_eq!(error.code(), Code::AmountOverflow);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stock_that_is_promised_cannot_be_counted_away() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let sku = t.add_product("TEA", &["TEA-1"]).await[0];
        t.receive(sku, 5).await;
        let buyer = t.add_customer("C1").await;
        t.shop.place_order(&buyer.caller, buyer.customer, "key-00000001", buyer.wants(&[(sku, 3)])).await.unwrap();
        let count = |qty| [commerce_core::Count { sku, warehouse: t.warehouse, batch: None, qty }];
        let refused = t.shop.set_stock(&t.staff(), &count(2), "stocktaking").await.unwrap_err();
        assert_eq!(refused.code(), Code::InsufficientStock);
        t.shop.set_stock(&t.staff(), &count(3), "stocktaking").await.unwrap();
        assert_eq!(t.stock(sku).await, (3, 3));
        t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_that_are_not_ready() {
    let dir = tempfile::tempdir().unwrap();
    let missing = format!("sqlite:{}/none/shop.db", dir.path().display());
    let open = async |url: &str| Store::open(url).await.err().unwrap();
    assert!(matches!(open("mysql://root@localhost/shop").await, StoreError::Unreachable(_)));
    assert!(matches!(open(&missing).await, StoreError::Unreachable(_)));
    assert!(matches!(open("postgres://nobody@127.0.0.1:1/none").await, StoreError::Unreachable(_)));
    assert!(matches!(open(&on_server(&postgres_url(), "no_such_database")).await, StoreError::Unreachable(_)));
    // Not a database at all.
    let scribble = dir.path().join("scribble.db");
    std::fs::write(&scribble, "this is no database, it is a shopping list").unwrap();
    assert!(matches!(open(&format!("sqlite:{}", scribble.display())).await, StoreError::Unreachable(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_of_another_time() {
    for db in Db::both().await {
        assert_eq!(Store::migrate(&db.url).await.unwrap(), 0, "migrating twice changes nothing");
        statement(&db.url, "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, 'from the future', true, 'x', 0)").await;
        for error in [Store::open(&db.url).await.err().unwrap(), Store::migrate(&db.url).await.unwrap_err()] {
            assert_eq!(error.code(), Code::SchemaFromFuture, "{}: {error}", db.name);
        }
        statement(&db.url, "delete from _sqlx_migrations where version >= 2").await;
        let behind = Store::open(&db.url).await.err().unwrap();
        assert_eq!(behind.code(), Code::SchemaBehind, "{behind}");
        assert!(behind.to_string().contains("zhanggui migrate"));
    }
    let dir = tempfile::tempdir().unwrap();
    let empty = format!("sqlite:{}/empty.db?mode=rwc", dir.path().display());
    assert_eq!(Store::open(&empty).await.err().unwrap().code(), Code::SchemaBehind);
}

/// Another program holds the database: the shop says so, and goes on when it lets go.
#[tokio::test(flavor = "multi_thread")]
async fn a_locked_database() {
    let db = Db::sqlite().await;
    let t = TestShop::open(&db).await;
    let mut intruder = AnyConnection::connect(&db.url).await.unwrap();
    intruder.execute("begin immediate").await.unwrap();
    let locked = t.shop.open_tenant("second", "二店", Currency::CNY).await.unwrap_err();
    assert_eq!((locked.code(), locked.kind()), (Code::DatabaseLocked, Kind::Unavailable));
    intruder.execute("rollback").await.unwrap();
    t.shop.open_tenant("second", "二店", Currency::CNY).await.unwrap();
}

/// SQLite is told to stop growing: the same answer as a full disk gives.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_database() {
    let db = Db::sqlite().await;
    let narrow = Options { sqlite_pages_max: Some(400), ..Options::default() };
    let t = TestShop::on(Store::open_with(&db.url, narrow).await.unwrap(), "shop", 1).await;
    let sku = t.add_product("TEA", &["TEA-1"]).await[0];
    t.receive(sku, 1_000_000).await;
    let buyer = t.add_customer("C1").await;
    let mut placed = 0;
    let full = loop {
        match t
            .shop
            .place_order(&buyer.caller, buyer.customer, &format!("full-key-{placed:06}"), buyer.wants(&[(sku, 1)]))
            .await
        {
            Ok(_) => placed += 1,
            Err(error) => break error,
        }
        assert!(placed < 10_000, "the database never fills");
    };
    assert_eq!((full.code(), full.kind()), (Code::DatabaseFull, Kind::Unavailable), "{full}");
    assert_eq!(t.stock(sku).await.1, placed);
    t.assert_books().await;
    let t = TestShop::on(db.store().await, "shop", 2).await;
    t.shop.place_order(&buyer.caller, buyer.customer, "room-again", buyer.wants(&[(sku, 1)])).await.unwrap();
    assert_eq!(t.stock(sku).await.1, placed + 1);
}

/// The server goes away in the middle and comes back: errors while it is gone, no harm afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut() {
    let db = Db::postgres().await;
    let t = TestShop::open(&db).await;
    let sku = t.add_product("TEA", &["TEA-1"]).await[0];
    t.receive(sku, 1_000).await;
    let buyer = t.add_customer("C1").await;
    let name = db.url.rsplit('/').next().unwrap().to_owned();
    let mut placed = 0;
    for i in 0..40 {
        if i % 10 == 5 {
            let cut = format!(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}' and pid <> pg_backend_pid()"
            );
            admin(&postgres_url(), cut).await;
        }
        match t
            .shop
            .place_order(&buyer.caller, buyer.customer, &format!("cut-key-{i:04}"), buyer.wants(&[(sku, 1)]))
            .await
        {
            Ok(_) => placed += 1,
            Err(error) => assert_eq!(error.code(), Code::DatabaseUnreachable, "{error}"),
        }
    }
    assert!(placed >= 20, "the shop did not come back: {placed} of 40");
    let again = Shop::new(Store::open(&db.url).await.unwrap());
    let reserved = again.store().read().await.unwrap().stock_of(t.tenant, sku).await.unwrap().1;
    assert_eq!(reserved, placed);
}

async fn statement(url: &str, sql: &'static str) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap();
    connection.execute(sql).await.unwrap();
    connection.close().await.unwrap();
}

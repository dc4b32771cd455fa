//! Many at once: nobody oversells, nobody orders twice, and of two who want the same one wins.

use crate::db::Db;
use crate::shop::{Buyer, START, TestShop};
use commerce_core::caller::Caller;
use commerce_core::catalog::SkuId;
use commerce_core::error::{Code, Failure};
use commerce_core::order::{Hold, OrderError, State};
use commerce_core::time::{Clock, MINUTE, ManualClock};
use commerce_core::{OrderRequest, Shop};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;

/// A shop of the same database that shares nothing in memory with the others: another process, as far as locks go.
async fn another_shop(db: &Db, seed: u64) -> Shop {
    let clock = Arc::new(ManualClock::at(START));
    Shop::with(db.store().await, clock as Arc<dyn Clock>, commerce_core::id::Mint::seeded(seed))
}

fn seed() -> u64 {
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_121);
    println!("SEED={seed}");
    seed
}

/// Sends every request at once, spread over the shops; returns how many succeeded. The rest must have been sold out.
async fn rush(shops: &[Shop], buyer: &Buyer, requests: Vec<OrderRequest>) -> usize {
    let tasks: Vec<_> = requests
        .into_iter()
        .enumerate()
        .map(|(i, request)| {
            let (shop, buyer) = (shops[i % shops.len()].clone(), buyer.clone());
            tokio::spawn(async move {
                shop.place_order(&buyer.caller, buyer.customer, &format!("rush-key-{i:06}"), request).await
            })
        })
        .collect();
    let mut sold = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => sold += 1,
            Err(error) => assert_eq!(error.code(), Code::InsufficientStock, "{error}"),
        }
    }
    sold
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_buyers_and_the_last_hundred_units() {
    let channels = ["wechat", "h5", "douyin", "taobao", "xiaohongshu"];
    for db in Db::both().await {
        // Once through one till, and once through five shops that know nothing of each other.
        for shop_count in [1, 5] {
            let t = TestShop::on(db.store().await, &format!("rush-{shop_count}"), seed() + shop_count).await;
            let sku = t.add_product(&format!("HOT{shop_count}"), &[&format!("HOT{shop_count}-1")]).await[0];
            t.receive(sku, 100).await;
            let buyer = t.add_customer("C1").await;
            let mut shops = vec![t.shop.clone()];
            for i in 1..shop_count {
                let i = i + 10 * shop_count;
                shops.push(another_shop(&db, 100 + i).await);
            }
            let requests = (0..1_000)
                .map(|i| OrderRequest { channel: channels[i % 5].into(), ..buyer.wants(&[(sku, 1)]) })
                .collect();
            assert_eq!(rush(&shops, &buyer, requests).await, 100, "{} with {shop_count} shops", db.name);
            assert_eq!(t.stock(sku).await, (100, 100));
            t.assert_books().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn carts_in_any_order_and_bundles_that_share_a_sku() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let mut random = StdRng::seed_from_u64(seed());
        let skus = t.add_product("MIX", &["MIX-1", "MIX-2", "MIX-3", "MIX-4"]).await;
        for sku in &skus {
            t.receive(*sku, 60).await;
        }
        let bundles = [
            t.add_bundle("SET-A", &[(skus[0], 1), (skus[1], 2)]).await,
            t.add_bundle("SET-B", &[(skus[0], 2), (skus[2], 1)]).await,
        ];
        let everything: Vec<SkuId> = skus.iter().chain(&bundles).copied().collect();
        let buyer = t.add_customer("C1").await;
        let requests: Vec<OrderRequest> = (0..400)
            .map(|_| {
                let mut cart = everything.clone();
                cart.shuffle(&mut random);
                cart.truncate(random.random_range(1..=4));
                let items: Vec<(SkuId, u32)> = cart.into_iter().map(|sku| (sku, random.random_range(1..3))).collect();
                buyer.wants(&items)
            })
            .collect();
        let mut shops = vec![t.shop.clone()];
        for i in 1..4 {
            shops.push(another_shop(&db, 100 + i).await);
        }
        let sold = rush(&shops, &buyer, requests).await;
        assert!(sold > 10, "only {sold} were sold");
        // What every order holds adds up to what every pile has reserved.
        let found =
            t.shop.search_orders(&t.staff(), &commerce_core::store::OrderSearch::default(), 1_000).await.unwrap();
        assert_eq!(found.len(), sold);
        let owners: Vec<String> = found.iter().map(|order| order.id.to_string()).collect();
        let held = t.shop.store().read().await.unwrap().held(t.tenant, &owners, START).await.unwrap();
        for sku in &skus {
            let of_orders: i64 = held.iter().filter(|part| part.sku == *sku).map(|part| part.qty).sum();
            let (on_hand, reserved) = t.stock(*sku).await;
            assert_eq!((on_hand, reserved), (60, of_orders), "{}", db.name);
            assert!(reserved <= on_hand);
        }
        t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_key_a_hundred_times_is_one_order() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let sku = t.add_product("KEY", &["KEY-1"]).await[0];
        t.receive(sku, 500).await;
        let buyer = t.add_customer("C1").await;
        let shops = [t.shop.clone(), another_shop(&db, 102).await, another_shop(&db, 103).await];
        let tasks: Vec<_> = (0..100)
            .map(|i| {
                let (shop, buyer) = (shops[i % 3].clone(), buyer.clone());
                tokio::spawn(async move {
                    shop.place_order(&buyer.caller, buyer.customer, "the-same-key", buyer.wants(&[(sku, 3)]))
                        .await
                        .unwrap()
                })
            })
            .collect();
        let mut replies = Vec::new();
        for task in tasks {
            replies.push(task.await.unwrap());
        }
        assert!(replies.iter().all(|reply| *reply == replies[0]), "{}: replies differ", db.name);
        assert_eq!(t.stock(sku).await, (500, 3));
        let other = t.shop.place_order(&buyer.caller, buyer.customer, "the-same-key", buyer.wants(&[(sku, 4)])).await;
        assert_eq!(other.unwrap_err().code(), Code::InvalidIdempotencyKey);
        // Another customer's key of the same name is another key.
        let stranger = t.add_customer("C2").await;
        let theirs = t
            .shop
            .place_order(&stranger.caller, stranger.customer, "the-same-key", stranger.wants(&[(sku, 1)]))
            .await
            .unwrap();
        assert_ne!(theirs.order, replies[0].order);
        t.assert_books().await;
    }
}

/// `RACES=100000` runs more. Each pair meets at the instant the hold ends, in an order drawn from the seed.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hold_expires_or_is_paid_never_both() {
    let races: usize = std::env::var("RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(10_000);
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let mut random = StdRng::seed_from_u64(seed());
        let sku = t.add_product("RACE", &["RACE-1"]).await[0];
        t.receive(sku, 1_000_000).await;
        let buyer = t.add_customer("C1").await;
        let (mut paid, mut expired) = (0_usize, 0_usize);
        let group = 25;
        for round in 0..races.div_ceil(group) {
            let orders = place_many(&t, &buyer, sku, round, group).await;
            t.clock.advance(15 * MINUTE);
            let mut contenders: Vec<Option<usize>> = (0..group).map(Some).collect();
            contenders.shuffle(&mut random);
            // The sweep comes early, late or in the midst of the payments.
            contenders.insert(random.random_range(0..=group), None);
            contenders.insert(random.random_range(0..=group / 5), None);
            let other = Shop::with(
                t.shop.store().clone(),
                t.clock.clone() as Arc<dyn Clock>,
                commerce_core::id::Mint::seeded(round as u64 + 9),
            );
            let tasks: Vec<_> = contenders
                .into_iter()
                .map(|contender| {
                    let (shop, system) = (
                        if random.random_bool(0.5) { t.shop.clone() } else { other.clone() },
                        Caller::system(t.tenant),
                    );
                    let order = contender.map(|i| orders[i]);
                    tokio::spawn(async move {
                        match order {
                            Some(order) => shop.confirm_paid(&system, order).await.map(|_| Some(order)),
                            None => shop.sweep(&system).await.map(|_| None),
                        }
                    })
                })
                .collect();
            let mut confirmed = std::collections::HashSet::new();
            for task in tasks {
                match task.await.unwrap() {
                    Ok(order) => confirmed.extend(order),
                    Err(OrderError::HoldExpired) => {}
                    Err(error) => panic!("{}: {error}", db.name),
                }
            }
            t.shop.sweep(&t.system()).await.unwrap();
            let found = t.shop.store().read().await.unwrap().orders(t.tenant, None, &orders).await.unwrap();
            for order in &found {
                let expected = if confirmed.contains(&order.id) {
                    (State::Paid, Hold::Consumed)
                } else {
                    (State::PendingPayment, Hold::Expired)
                };
                assert_eq!((order.state, order.hold), expected, "{} {}", db.name, order.order_no);
            }
            paid += confirmed.len();
            expired += found.len() - confirmed.len();
            assert_eq!(
                t.stock(sku).await.1,
                i64::try_from(paid).unwrap(),
                "{}: reserved is what was paid for",
                db.name
            );
        }
        println!("{}: {paid} paid, {expired} expired", db.name);
        assert!(paid > 0 && expired > 0, "one side always won: {paid} paid, {expired} expired");
        t.assert_books().await;
    }
}

async fn place_many(
    t: &TestShop,
    buyer: &Buyer,
    sku: SkuId,
    round: usize,
    count: usize,
) -> Vec<commerce_core::order::OrderId> {
    let tasks: Vec<_> = (0..count)
        .map(|i| {
            let (shop, buyer) = (t.shop.clone(), buyer.clone());
            let key = format!("race-{round:06}-{i:06}");
            tokio::spawn(async move {
                shop.place_order(&buyer.caller, buyer.customer, &key, buyer.wants(&[(sku, 1)])).await.unwrap().order
            })
        })
        .collect();
    let mut orders = Vec::with_capacity(count);
    for task in tasks {
        orders.push(task.await.unwrap());
    }
    orders
}

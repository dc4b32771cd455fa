//! News of payments, the sweeper and other buyers meet at the instant the holds end.

use crate::bank::Story;
use crate::db::Db;
use commerce_core::Heard;
use commerce_core::order::{Hold, State};
use commerce_core::port::RawNotification;
use commerce_core::time::MINUTE;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;

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
            // Now and then the rivals come first for certain.
            if round % 4 == 0 {
                s.t.shop.sweep(&s.t.system()).await.unwrap();
                acts.retain(|act| !matches!(act, Act::Order(_)));
                for i in 0..6 {
                    let wants = rival.wants(&[(sku, 1)]);
                    let key = format!("rival-{round}-{i:04}");
                    s.t.shop.place_order(&rival.caller, rival.customer, &key, wants).await.unwrap();
                }
            }
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

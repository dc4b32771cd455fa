use crate::db::Db;
use crate::shop::TestShop;
use commerce_core::store::StoreError;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Writers commit in any order while a consumer reads: it must see every event once, and each order's in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_consumer_misses_nothing_while_others_write() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let sku = t.add_product("EVENT", &["EVENT-1"]).await[0];
        t.receive(sku, 100_000).await;
        let buyer = t.add_customer("C1").await;
        let is_over = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (shop, buyer) = (t.shop.clone(), buyer.clone());
                tokio::spawn(async move {
                    for number in 0..25 {
                        let key = format!("event-{writer}-{number:04}");
                        let placed = shop
                            .place_order(&buyer.caller, buyer.customer, &key, buyer.wants(&[(sku, 1)]))
                            .await
                            .unwrap();
                        shop.cancel_order(&buyer.caller, placed.order, "seen enough").await.unwrap();
                    }
                })
            })
            .collect();
        let consumers: Vec<_> = (0..2)
            .map(|_| {
                let (store, is_over) = (t.shop.store().clone(), is_over.clone());
                tokio::spawn(async move { consume(&store, &is_over).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
        let mut seen = Vec::new();
        for consumer in consumers {
            let heard = consumer.await.unwrap();
            assert_in_order(&heard, db.name);
            seen.extend(heard);
        }
        let once: HashSet<_> = seen.iter().map(|(event, ..)| *event).collect();
        assert_eq!(once.len(), seen.len(), "{}: an event was consumed twice", db.name);
        let of_orders: Vec<_> = seen.iter().filter(|(_, subject, _)| subject.starts_with("ord_")).collect();
        assert_eq!(of_orders.len(), 8 * 25 * 2, "{}: an event was missed", db.name);
    }
}

type Seen = (commerce_core::event::EventId, String, i64);

/// Whoever takes over from another goes on after what that one has seen.
fn assert_in_order(seen: &[Seen], db: &str) {
    let mut last: HashMap<&str, i64> = HashMap::new();
    for (_, subject, version) in seen {
        let before = last.insert(subject, *version);
        assert!(before < Some(*version), "{db}: of {subject}, {version} came after {before:?}");
    }
}

/// Two of these share one name: whoever commits first has the events.
async fn consume(store: &commerce_core::store::Store, is_over: &AtomicBool) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    loop {
        let was_over = is_over.load(Ordering::SeqCst);
        let events = store.next_events("test", 37).await.unwrap();
        if events.is_empty() {
            if was_over {
                return seen;
            }
            tokio::task::yield_now().await;
            continue;
        }
        let events = &events;
        let taken = store
            .write(move |mut tx| async move {
                tx.mark_consumed("test", events).await?;
                tx.keep(()).await
            })
            .await;
        match taken {
            Ok(()) => seen.extend(
                events
                    .iter()
                    .map(|placed| (placed.event.id, placed.event.subject.clone(), placed.event.subject_version)),
            ),
            Err(StoreError::Contended) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

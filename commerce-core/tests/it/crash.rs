//! `kill -9` at any moment: what was acknowledged is there once, what was not is there whole or not at all.
//!
//! The test starts itself again as a child that works on the database and writes down every acknowledgement; the parent
//! kills it, looks at the database, and starts the next one. A child that ends by itself fails the test.

use crate::db::Db;
use crate::shop::TestShop;
use commerce_core::caller::Caller;
use commerce_core::customer::CustomerId;
use commerce_core::id::Mint;
use commerce_core::order::{Hold, OrderId, State};
use commerce_core::store::{OrderSearch, Store};
use commerce_core::time::SystemClock;
use commerce_core::{Item, OrderRequest, Shop};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::{HashMap, HashSet};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

const KILLS: usize = 200;
const SIGKILL: i32 = 9;

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_kills_lose_nothing_and_double_nothing() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let skus = t.add_product("CRASH", &["CRASH-1", "CRASH-2"]).await;
        for sku in &skus {
            t.receive(*sku, 1_000_000).await;
        }
        t.add_customer("C1").await;
        let mut random = StdRng::seed_from_u64(5);
        let mut acknowledged: HashMap<String, (OrderId, State)> = HashMap::new();
        let mut productive = 0;
        for life in 0..KILLS {
            let envs = [("CRASH_CHILD_URL", db.url.clone()), ("CRASH_CHILD_LIFE", life.to_string())];
            let after = Duration::from_millis(random.random_range(20..120));
            let lines = work_until_killed("crash::child_that_works", life, &envs, after);
            productive += usize::from(!lines.is_empty());
            for line in lines {
                let mut words = line.split(' ');
                let (key, order, state) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
                acknowledged.insert(key.to_owned(), (order.parse().unwrap(), state.parse().unwrap()));
            }
        }
        assert!(productive >= KILLS / 2, "{}: only {productive} children worked", db.name);
        check(&db, &t, &skus, &acknowledged).await;
    }
}

async fn check(
    db: &Db,
    t: &TestShop,
    skus: &[commerce_core::catalog::SkuId],
    acknowledged: &HashMap<String, (OrderId, State)>,
) {
    // A fresh look, as after a restart.
    let shop = Shop::new(Store::open(&db.url).await.unwrap());
    let staff = t.staff();
    let mut orders = HashMap::new();
    let mut search = OrderSearch::default();
    loop {
        let page = shop.search_orders(&staff, &search, 1_000).await.unwrap();
        let Some(last) = page.last() else { break };
        search.after = Some((last.created_at, last.id));
        orders.extend(page.into_iter().map(|order| (order.id, order)));
    }
    let ids: HashSet<OrderId> = acknowledged.values().map(|(order, _)| *order).collect();
    assert_eq!(ids.len(), acknowledged.len(), "{}: two keys gave one order", db.name);
    for (key, (id, state)) in acknowledged {
        let order = orders.get(id).unwrap_or_else(|| panic!("{}: {key} was acknowledged and is gone", db.name));
        // A later step may have been written without its acknowledgement getting out; an earlier one may not be missing.
        let is_there = order.state == *state
            || (*state == State::PendingPayment && matches!(order.state, State::Paid | State::Canceled))
            || (*state == State::Paid && order.state == State::Canceled);
        assert!(is_there, "{}: {key} was {state}, and is {}", db.name, order.state);
    }
    let numbers: HashSet<&str> = orders.values().map(|order| order.order_no.as_str()).collect();
    assert_eq!(numbers.len(), orders.len(), "{}: an order number was given twice", db.name);
    t.assert_books().await;
    let reserved: i64 = [t.stock(skus[0]).await.1, t.stock(skus[1]).await.1].iter().sum();
    let holding = orders.values().filter(|order| matches!(order.hold, Hold::Held | Hold::Consumed)).count();
    // Every order of the children is for three pieces.
    assert_eq!(reserved, 3 * i64::try_from(holding).unwrap(), "{}", db.name);
    println!("{}: {} acknowledged, {} orders", db.name, acknowledged.len(), orders.len());
}

/// Lets a child work and kills it; returns the acknowledgements that got out.
///
/// The clock starts when the child does its first work, so that every kill strikes work; in every other life only at its first
/// acknowledgement, so that at least half of them have one, however slow the machine.
pub(crate) fn work_until_killed(child: &str, life: usize, envs: &[(&str, String)], after: Duration) -> Vec<String> {
    let start = if life.is_multiple_of(2) { "READY" } else { "ACK " };
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", child, "--nocapture", "--test-threads=1"])
        .envs(envs.iter().cloned())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.by_ref().map(Result::unwrap).find(|line| line.starts_with(start));
    std::thread::sleep(after);
    child.kill().unwrap();
    let end = child.wait().unwrap();
    assert_eq!(end.signal(), Some(SIGKILL), "life {life} ended by itself, {end}; what it said is above");
    // A line that was cut off in the middle was not acknowledged.
    first
        .into_iter()
        .chain(lines.map_while(Result::ok))
        .filter_map(|line| line.strip_prefix("ACK ").and_then(|rest| rest.strip_suffix(" .")).map(str::to_owned))
        .collect()
}

/// Not a test of its own: the body of the child. Without its environment there is nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_that_works() {
    let (Ok(url), Ok(life)) = (std::env::var("CRASH_CHILD_URL"), std::env::var("CRASH_CHILD_LIFE")) else { return };
    let shop = Shop::with(Store::open(&url).await.unwrap(), Arc::new(SystemClock), Mint::from_system());
    let tenant = shop.tenant("shop").await.unwrap().id;
    let of_code = |code: &str| commerce_core::catalog::id_of_code(tenant, code);
    let customer: CustomerId = commerce_core::catalog::id_of_code(tenant, "C1");
    let buyer = Caller::shopper(tenant, customer);
    // The test harness has left its own line open.
    say("\nREADY");
    let mut workers: JoinSet<()> = (0..4)
        .map(|worker| {
            let (shop, buyer, life) = (shop.clone(), buyer.clone(), life.clone());
            let address = commerce_core::catalog::id_of_code(tenant, "C1-home");
            let (first, second) = (of_code("CRASH-1"), of_code("CRASH-2"));
            async move {
                for number in 0_u64.. {
                    let key = format!("crash-{life}-{worker}-{number}");
                    let request = OrderRequest {
                        items: vec![Item::of(first, 1), Item::of(second, 2)],
                        address: Some(address),
                        channel: "h5".into(),
                        ..OrderRequest::default()
                    };
                    let placed = shop.place_order(&buyer, customer, &key, request).await.unwrap();
                    say(&format!("ACK {key} {} PENDING_PAYMENT .", placed.order));
                    // create → hold → change → cancel, some paid in between
                    let (_, lines) = shop.order(&buyer, placed.order).await.unwrap();
                    shop.swap_variant(&buyer, placed.order, lines[0].id, second).await.unwrap();
                    if number % 3 == 0 {
                        shop.confirm_paid(&Caller::system(tenant), placed.order).await.unwrap();
                        say(&format!("ACK {key} {} PAID .", placed.order));
                    }
                    if number % 2 == 0 {
                        shop.cancel_order(&buyer, placed.order, "killed").await.unwrap();
                        say(&format!("ACK {key} {} CANCELED .", placed.order));
                    }
                }
            }
        })
        .collect();
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
}

/// One write each, so that a kill cuts between lines or within the last.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    out.write_all(format!("{line}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

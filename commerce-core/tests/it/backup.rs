//! Copies of everything, from either database into either database.

use crate::bank::{Bank, Story};
use crate::db::{Db, admin, on_server, postgres_url};
use crate::shop::{START, TestShop, yuan};
use commerce_core::backup::{self, BackupError, Contents};
use commerce_core::error::{Code, Failure};
use commerce_core::id::Mint;
use commerce_core::ledger::seal::{SealKey, Trusted};
use commerce_core::order::{OrderId, State};
use commerce_core::payment::{Method, PaymentStatus};
use commerce_core::staff::StaffRole;
use commerce_core::store::{Dialect, Store};
use commerce_core::time::{Clock, HOUR};
use commerce_core::{NewMember, OrderRequest, Shop};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{Connection, Row};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const PASSWORD: &str = "correct horse 马到成功";

async fn taken(store: &Store) -> Vec<u8> {
    let mut file = Vec::new();
    let contents = backup::take(store, START, &mut file).await.unwrap();
    assert_eq!(backup::check(file.as_slice()).unwrap(), contents);
    file
}

async fn restored(file: &[u8], url: &str) -> Result<Contents, BackupError> {
    backup::restore(url, || Ok(file)).await
}

/// What a backup says about rows: all but when and where it was made, and its hash.
fn substance(file: &[u8]) -> Vec<&str> {
    let lines: Vec<&str> = std::str::from_utf8(file).unwrap().lines().collect();
    lines[1..lines.len() - 1].to_vec()
}

/// A backup whose end fits whatever stands in it.
fn signed(lines: &[&str]) -> Vec<u8> {
    let mut rows = serde_json::Map::new();
    let mut table = String::new();
    for line in &lines[1..] {
        match serde_json::from_str(line).unwrap() {
            Value::Object(head) => {
                head["table"].as_str().unwrap().clone_into(&mut table);
                rows.insert(table.clone(), 0.into());
            }
            _ => rows[&table] = (rows[&table].as_u64().unwrap() + 1).into(),
        }
    }
    let text = format!("{}\n", lines.join("\n"));
    let hash = Sha256::digest(&text);
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{text}{{\"rows\":{},\"sha256\":\"{hash}\"}}\n", Value::from(rows)).into_bytes()
}

/// A shop with something in most tables: orders, payments, refunds, gift cards, promised money, seals, staff who signed in, events
/// that have their place in the log and others that have not.
async fn lived_in(db: &Db) -> (Story, Trusted) {
    let s = Story::begin(db).await;
    let shop = &s.t.shop;
    let first = NewMember { login: "wang", name: "王掌柜", role: StaffRole::Owner, password: PASSWORD };
    shop.hire(&s.t.staff(), first).await.unwrap();
    shop.sign_in(s.t.tenant, "wang", PASSWORD, None).await.unwrap();
    let partly = s.paid("key-00000001", 10).await;
    shop.refund(&s.t.staff(), partly, yuan("33.33"), "少发一件").await.unwrap();
    let canceled = s.paid("key-00000002", 10).await;
    shop.cancel_order(&s.buyer.caller, canceled, "不想要了").await.unwrap();
    s.chase().await;
    let card = Method::GiftCard { code: s.card("30.00").await };
    let small = s.order("key-00000003", 2).await;
    s.pay(small, std::slice::from_ref(&card)).await.unwrap();
    assert!(!shop.store().events_after(0, 5).await.unwrap().is_empty());
    let key = SealKey::from_seed([7; 32]);
    s.t.clock.advance(HOUR);
    let last = shop.seal(&s.t.system(), &key, None).await.unwrap().last;
    s.paid("key-00000004", 1).await;
    let card = Method::GiftCard { code: s.card("5.00").await };
    let wants = OrderRequest { remark: "第一行\n\"引号\" \\ 🍵".into(), ..s.buyer.wants(&[(s.sku, 3)]) };
    let placed = shop.place_order(&s.buyer.caller, s.buyer.customer, "key-00000005", wants).await.unwrap();
    s.pay(placed.order, &[card, s.bank.method()]).await.unwrap();
    (s, Trusted { key: Some(key.public()), last })
}

/// The same shop on a copy of its database, in another process as it were.
async fn on_copy(s: &Story, copy: &Db) -> Story {
    let clock = s.t.clock.clone();
    let shop = Shop::with(copy.store().await, clock.clone() as Arc<dyn Clock>, Mint::seeded(99));
    let t = TestShop { shop, clock, tenant: s.t.tenant, warehouse: s.t.warehouse };
    let bank = Bank::connect(&t, "sandbox");
    Story { t, bank, buyer: s.buyer.clone(), sku: s.sku, name: copy.name }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_the_same_in_either_database_and_business_goes_on() {
    for db in Db::both().await {
        let (s, trusted) = lived_in(&db).await;
        let file = taken(s.t.shop.store()).await;
        for copy in Db::both().await {
            let way = format!("{} to {}", db.name, copy.name);
            let contents = restored(&file, &copy.url).await.unwrap();
            let found = (contents.tenants, contents.database.to_string(), contents.rows["orders"]);
            assert_eq!(found, (1, db.name.to_owned(), 5), "{way}");
            assert!(contents.rows["ledger_open"] > 0 && contents.rows["ledger_unsealed"] > 0, "{way}");
            let c = on_copy(&s, &copy).await;
            assert_eq!(substance(&taken(c.t.shop.store()).await), substance(&file), "{way}");

            c.t.assert_books().await;
            c.t.shop.verify(&c.t.staff(), &trusted).await.expect("the seals are there, the last one noted among them");
            let events = async |s: &Story| s.t.shop.store().events_after(0, 10_000).await.unwrap();
            assert_eq!(events(&c).await, events(&s).await, "{way}: in the same order");

            // A request from before the copy is answered as it was; the next number follows those given.
            let wants = || s.buyer.wants(&[(s.sku, 10)]);
            let place = |key| c.t.shop.place_order(&s.buyer.caller, s.buyer.customer, key, wants());
            let known = place("key-00000001").await.unwrap();
            let new = place("key-00000009").await.unwrap();
            assert!(known.order_no < new.order_no, "{way}");
            let paying = c.pay(new.order, &[c.bank.method()]).await.unwrap();
            c.bank.pays(&c.t, &paying);
            c.bank.deliver(&c.t).await;
            assert_eq!(c.now(new.order).await.order.state, State::Paid, "{way}");
            c.t.shop.sign_in(c.t.tenant, "wang", PASSWORD, None).await.unwrap();
            assert!(events(&c).await.len() > events(&s).await.len(), "{way}");
            c.t.assert_books().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_is_in_a_backup() {
    let names = [
        "select name from sqlite_master where type = 'table' and name not like 'sqlite%'",
        "select cast(tablename as text) as name from pg_tables where schemaname = 'public'",
    ];
    for (db, names) in Db::both().await.iter().zip(names) {
        let file = taken(&db.store().await).await;
        let contents = backup::check(file.as_slice()).unwrap();
        let mut conn = sqlx::AnyConnection::connect(&db.url).await.unwrap();
        let rows = sqlx::query(names).fetch_all(&mut conn).await.unwrap();
        let there: BTreeSet<String> = rows.iter().map(|row| row.get("name")).collect();
        let carried: BTreeSet<String> = contents.rows.into_keys().collect();
        let left_out: Vec<&String> = there.difference(&carried).collect();
        assert_eq!(left_out, ["_sqlx_migrations", "phone_code", "session", "shopper_session"], "{}", db.name);
        assert!(carried.is_subset(&there));
        // Whatever proves who somebody is must not wake up with a copy.
        assert!(!carried.iter().any(|table| table.contains("session")), "{}: {carried:?}", db.name);
    }
}

/// Places and pays orders until it is over; notes what it was told is done.
async fn trade(s: &Story, writer: usize, told: &Mutex<Vec<(OrderId, PaymentStatus)>>, is_over: &AtomicBool) {
    let mut number = 0;
    while !is_over.load(Ordering::SeqCst) {
        number += 1;
        let order = s.order(&format!("trade-{writer}-{number:04}"), 1).await;
        let paying = s.pay(order, &[s.bank.method()]).await.unwrap();
        s.bank.pays(&s.t, &paying);
        s.bank.deliver(&s.t).await;
        let status = s.now(order).await.status;
        told.lock().unwrap().push((order, status));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_taken_while_twenty_trade_is_of_one_moment() {
    for db in Db::both().await {
        let s = Arc::new(Story::begin(&db).await);
        s.t.receive(s.sku, 100_000).await;
        let (told, is_over) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let writers: Vec<_> = (0..20)
            .map(|writer| {
                let (s, told, is_over) = (s.clone(), told.clone(), is_over.clone());
                tokio::spawn(async move { trade(&s, writer, &told, &is_over).await })
            })
            .collect();
        let deadline = Instant::now() + Duration::from_secs(60);
        while told.lock().unwrap().len() < 60 {
            assert!(Instant::now() < deadline, "{}: nobody trades", db.name);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let told_before = told.lock().unwrap().clone();
        let file = taken(s.t.shop.store()).await;
        is_over.store(true, Ordering::SeqCst);
        for writer in writers {
            writer.await.unwrap();
        }
        for copy in Db::both().await {
            restored(&file, &copy.url).await.unwrap();
            let c = on_copy(&s, &copy).await;
            c.t.assert_books().await;
            for (order, status) in &told_before {
                let found = c.now(*order).await.status;
                // What was being paid may have been paid by then.
                assert!(found == *status || found == PaymentStatus::Paid, "{} to {}", db.name, copy.name);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_restored_leaves_nothing() {
    let [from, _] = Db::both().await;
    let (s, _) = lived_in(&from).await;
    let good = taken(s.t.shop.store()).await;
    let lines: Vec<&str> = std::str::from_utf8(&good).unwrap().lines().collect();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    let end = good.len() - lines.last().unwrap().len() - 1;
    let future = lines[0].replace("\"schema\":", "\"schema\":9");
    let future = signed(&[&[future.as_str()], substance(&good).as_slice()].concat());
    // Whole, but no database takes it: orders have lines and are not there themselves.
    let orders = rows_of(&lines, "orders");
    let torn: Vec<&str> = lines[..lines.len() - 1].iter().filter(|line| !orders.contains(line)).copied().collect();
    let torn = signed(&torn);
    for to in Db::both().await {
        let blank = taken(&to.store().await).await;
        for (what, file, code) in [
            ("a flipped bit", flipped.as_slice(), Code::BackupDamaged),
            ("half of it", &good[..good.len() / 2], Code::BackupDamaged),
            ("without its end", &good[..end], Code::BackupDamaged),
            ("nothing", &[], Code::BackupDamaged),
            ("of a newer program", &future, Code::BackupFromFuture),
            ("without its orders", &torn, Code::Internal),
        ] {
            let refused = restored(file, &to.url).await.unwrap_err();
            assert_eq!(refused.code(), code, "{what} on {}: {refused}", to.name);
            assert_eq!(substance(&taken(&to.store().await).await), substance(&blank), "{what} on {}", to.name);
        }
        restored(&good, &to.url).await.unwrap();
        let refused = restored(&good, &to.url).await.unwrap_err();
        assert_eq!(refused.code(), Code::DatabaseInUse, "{}", to.name);
        assert_eq!(substance(&taken(&to.store().await).await), substance(&good), "{}", to.name);
    }
    let nowhere = from.url.replace("shop.db", "none.db");
    restored(&flipped, &nowhere).await.unwrap_err();
    assert!(!std::path::Path::new(nowhere.strip_prefix("sqlite:").unwrap()).exists());
}

fn rows_of<'a>(lines: &'a [&'a str], table: &str) -> &'a [&'a str] {
    let start = lines.iter().position(|line| line.starts_with(&format!("{{\"table\":\"{table}\""))).unwrap() + 1;
    let len = lines[start..].iter().position(|line| line.starts_with('{')).unwrap();
    &lines[start..start + len]
}

/// What a program of schema 11 left: it knew no actors of events.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_an_older_schema_is_migrated_in_a_new_database() {
    let old = signed(&[
        r#"{"zhanggui_backup":1,"schema":11,"made_at":"2026-11-20T00:00:00Z","database":"sqlite","tenants":1}"#,
        r#"{"table":"tenant","columns":["id","code","name","currency","settings","created_at"]}"#,
        r#"["ten_000000000000000000000000000000aa","old","老店","CNY","{}",1795000000000000]"#,
        r#"{"table":"event","columns":["id","tenant","name","version","subject","subject_version","correlation_id","payload","at","position"]}"#,
        r#"["evt_000000000000000000000000000000aa","ten_000000000000000000000000000000aa","Order.Created",1,"ord_1",1,"","{}",1795000000000000,1]"#,
        r#"{"table":"event_head","columns":["id","position"]}"#,
        r"[1,1]",
    ]);
    let dir = tempfile::tempdir().unwrap();
    let server = postgres_url();
    let name = format!("old_{}", std::process::id());
    admin(&server, format!("create database {name}")).await;
    for url in [format!("sqlite:{}/old.db", dir.path().display()), on_server(&server, &name)] {
        assert_eq!(restored(&old, &url).await.unwrap().schema, 11);
        let shop = Shop::new(Store::open(&url).await.unwrap());
        assert_eq!(shop.tenant("old").await.unwrap().name, "老店");
        let events = shop.store().events_after(0, 10).await.unwrap();
        assert_eq!((events.len(), events[0].event.actor.as_str(), events[0].position), (1, "", 1));
    }
    for migrated in Db::both().await {
        let refused = restored(&old, &migrated.url).await.unwrap_err();
        assert_eq!(refused.code(), Code::SchemaDiffers, "{}: {refused}", migrated.name);
        assert_eq!(backup::check(taken(&migrated.store().await).await.as_slice()).unwrap().tenants, 0);
    }
    assert_eq!(backup::check(old.as_slice()).unwrap().database, Dialect::Sqlite);
}

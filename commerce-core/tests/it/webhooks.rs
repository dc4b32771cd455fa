//! Those outside who hear of events: what reaches them, how often, and what becomes of what does not.

use crate::db::Db;
use crate::shop::{START, TestShop};
use commerce_core::error::{Code, Failure};
use commerce_core::event::Event;
use commerce_core::id::Id;
use commerce_core::permission::Permission;
use commerce_core::port::{Courier, Handover, Letter, Outcome};
use commerce_core::secret::{MasterKey, Secret};
use commerce_core::staff::StaffRole;
use commerce_core::store::DeliverySearch;
use commerce_core::time::{Clock, DAY, HOUR, MINUTE, SECOND};
use commerce_core::webhook::{Delivery, DeliveryState, EndpointId, EndpointState};
use commerce_core::{Delivered, EndpointChange, EndpointSecret};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use sqlx::{AnyConnection, Connection};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use strum::IntoEnumIterator;

const HOOK: &str = "https://erp.example.com/hook";
const OTHER_HOOK: &str = "https://crm.example.com/hook";

/// Answers every letter with the same status, 0 for no answer at all, and keeps what it was given.
struct Postman {
    status: AtomicUsize,
    carried: Mutex<Vec<Letter>>,
}

impl Postman {
    fn answering(status: usize) -> Arc<Self> {
        Arc::new(Self { status: AtomicUsize::new(status), carried: Mutex::default() })
    }

    fn now_answers(&self, status: usize) {
        self.status.store(status, Ordering::SeqCst);
    }

    /// What it was given since it was asked last.
    fn letters(&self) -> Vec<Letter> {
        std::mem::take(&mut *self.carried.lock().unwrap())
    }
}

impl Courier for Postman {
    fn deliver<'a>(&'a self, letter: &'a Letter) -> Handover<'a> {
        Box::pin(async move {
            self.carried.lock().unwrap().push(letter.clone());
            tokio::task::yield_now().await;
            match self.status.load(Ordering::SeqCst) {
                0 => Outcome::NoAnswer { reason: "nobody is there".to_owned() },
                status => Outcome::Answered { status: u16::try_from(status).unwrap(), body: "as you say".to_owned() },
            }
        })
    }
}

/// Takes letters and never comes back.
struct Lost(Mutex<Vec<Letter>>);

impl Courier for Lost {
    fn deliver<'a>(&'a self, letter: &'a Letter) -> Handover<'a> {
        self.0.lock().unwrap().push(letter.clone());
        Box::pin(std::future::pending())
    }
}

fn header<'a>(letter: &'a Letter, name: &str) -> &'a str {
    &letter.headers.iter().find(|(known, _)| *known == name).unwrap().1
}

fn body(letter: &Letter) -> Value {
    serde_json::from_str(&letter.body).unwrap()
}

/// As an endpoint checks it, from what the documentation says.
fn signatures(letter: &Letter, secret: &Secret) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()).unwrap();
    let (time, id) = (header(letter, "X-Zhanggui-Timestamp"), header(letter, "X-Zhanggui-Delivery"));
    mac.update(format!("{time}.{id}.{}", letter.body).as_bytes());
    let digits: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("v1={digits}")
}

async fn open(db: &Db) -> TestShop {
    let t = TestShop::open(db).await;
    t.shop.load_master_key(MasterKey::new([42; 32]));
    t
}

impl TestShop {
    async fn endpoint(&self, url: &str, events: &[&str]) -> EndpointSecret {
        let events: Vec<String> = events.iter().map(|&name| name.to_owned()).collect();
        self.shop.add_endpoint(&self.staff(), url, &events).await.unwrap()
    }

    /// So many `Stock.Counted`.
    async fn events(&self, count: usize) {
        let codes: Vec<String> = (0..count).map(|number| format!("HOOK-{number}")).collect();
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        for sku in self.add_product("HOOK", &codes).await {
            self.receive(sku, 1).await;
        }
    }

    async fn round(&self, courier: &Postman) -> Delivered {
        self.shop.deliver_due(&self.system(), courier).await.unwrap()
    }

    async fn log(&self, endpoint: EndpointId) -> Vec<Delivery> {
        let search = DeliverySearch { endpoint: Some(endpoint), ..DeliverySearch::default() };
        self.shop.deliveries(&self.staff(), &search, 1_000).await.unwrap()
    }

    async fn failures(&self, id: EndpointId) -> u32 {
        let endpoints = self.shop.endpoints(&self.staff()).await.unwrap();
        endpoints.iter().find(|endpoint| endpoint.id == id).unwrap().breaker.failures
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_reaches_those_who_asked_for_it() {
    for db in Db::both().await {
        let t = open(&db).await;
        t.events(1).await;
        let stock = t.endpoint(HOOK, &["Stock.*", "Order.Paid"]).await;
        let all = t.endpoint(OTHER_HOOK, &[]).await;
        t.events(3).await;
        assert!(t.shop.fan_out().await.unwrap() > 6, "{}", db.name);
        assert_eq!(t.shop.fan_out().await.unwrap(), 0, "{}: queued once", db.name);

        let postman = Postman::answering(200);
        let sent = t.round(&postman).await;
        assert_eq!((sent.failed, sent.given_up), (0, 0), "{}", db.name);
        let letters = postman.letters();
        let (to_stock, to_all): (Vec<_>, Vec<_>) = letters.iter().partition(|letter| letter.url == HOOK);
        assert_eq!(to_stock.len(), 3, "{}: nothing of before it was added", db.name);
        assert!(to_all.len() > 3, "{}", db.name);
        for (place, letter) in to_stock.iter().enumerate() {
            let body = body(letter);
            assert_eq!(header(letter, "X-Zhanggui-Sequence"), (place + 1).to_string(), "{}", db.name);
            assert_eq!(header(letter, "X-Zhanggui-Signature"), signatures(letter, &stock.secret), "{}", db.name);
            assert_eq!(header(letter, "X-Zhanggui-Event"), "Stock.Counted");
            assert_eq!(body["id"], header(letter, "X-Zhanggui-Event-Id"));
            assert_eq!((&body["name"], &body["tenant"]), (&"Stock.Counted".into(), &"shop".into()));
            assert_eq!((&body["version"], &body["at"]), (&1.into(), &START.to_string().into()));
            assert!(body.get("actor").is_none(), "who of the shop did it is nobody's business outside");
        }
        assert_eq!(header(to_all[0], "X-Zhanggui-Signature"), signatures(to_all[0], &all.secret), "{}", db.name);
        assert_eq!(header(to_all[0], "X-Zhanggui-Event"), "Webhook.Added", "its own first event");
        assert!(!to_all[0].body.contains("/hook"), "the address is not told, only the machine");

        let log = t.log(stock.endpoint.id).await;
        let settled: Vec<_> =
            log.iter().map(|one| (one.state, one.attempts, one.last_status, one.settled_at)).collect();
        assert_eq!(settled, vec![(DeliveryState::Delivered, 1, Some(200), Some(START)); 3], "{}", db.name);
    }
}

/// The process ends between sending and noting what came of it.
#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_the_same_is_sent_again() {
    for db in Db::both().await {
        let t = open(&db).await;
        let endpoint = t.endpoint(HOOK, &["Stock.Counted"]).await.endpoint.id;
        t.events(2).await;
        t.shop.fan_out().await.unwrap();
        let lost = Lost(Mutex::default());
        let caller = t.system();
        let both_are_sent = async {
            while lost.0.lock().unwrap().len() < 2 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            _ = t.shop.deliver_due(&caller, &lost) => panic!("{}: nobody answered", db.name),
            () = both_are_sent => {}
        }
        let first = lost.0.into_inner().unwrap();
        assert_eq!(first.len(), 2, "{}", db.name);

        let postman = Postman::answering(204);
        assert_eq!(t.round(&postman).await, Delivered::default(), "{}: they may still be under way", db.name);
        t.clock.advance(MINUTE);
        assert_eq!(t.round(&postman).await.delivered, 2, "{}", db.name);
        let ids = |letters: &[Letter]| -> Vec<(String, String, String)> {
            let id = |one: &Letter, name| header(one, name).to_owned();
            let ids = letters.iter().map(|one| {
                (id(one, "X-Zhanggui-Event-Id"), id(one, "X-Zhanggui-Delivery"), id(one, "X-Zhanggui-Sequence"))
            });
            ids.collect()
        };
        let again = postman.letters();
        assert_eq!(ids(&again), ids(&first), "{}", db.name);
        assert!(again.iter().zip(&first).all(|(one, other)| one.body == other.body), "{}", db.name);
        assert_eq!(t.round(&postman).await, Delivered::default(), "{}", db.name);
        assert_eq!(t.log(endpoint).await.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_is_tried_for_three_days() {
    for db in Db::both().await {
        let t = open(&db).await;
        let endpoint = t.endpoint(HOOK, &["Stock.Counted"]).await.endpoint.id;
        t.events(1).await;
        t.shop.fan_out().await.unwrap();
        let postman = Postman::answering(503);
        assert_eq!(t.round(&postman).await.failed, 1, "{}", db.name);
        let first = t.log(endpoint).await.remove(0);
        let pause = first.next_at.micros() - START.micros();
        assert!((0..10 * SECOND).contains(&pause), "{}: {pause}", db.name);
        assert_eq!((first.last_status, first.last_error.as_str()), (Some(503), "as you say"), "{}", db.name);

        let mut given_up = 0;
        while given_up == 0 {
            let next_at = t.log(endpoint).await[0].next_at;
            t.clock.set(next_at.max(t.clock.now()));
            let sent = t.round(&postman).await;
            given_up = sent.given_up;
            if sent == Delivered::default() {
                // The breaker is open.
                t.clock.advance(MINUTE);
            }
        }
        let dead = t.log(endpoint).await.remove(0);
        assert_eq!((dead.state, dead.settled_at), (DeliveryState::Dead, Some(t.clock.now())), "{}", db.name);
        let hours = (t.clock.now().micros() - START.micros()) / HOUR;
        assert!((72..=73).contains(&hours), "{}: {hours}", db.name);
        assert!((10..80).contains(&dead.attempts), "{}: {}", db.name, dead.attempts);
        assert_eq!(postman.letters().len(), usize::try_from(dead.attempts).unwrap(), "{}", db.name);

        // A dead letter is sent again when somebody asks for it, under the ids it always had.
        postman.now_answers(200);
        t.clock.advance(HOUR);
        assert_eq!(t.round(&postman).await, Delivered::default(), "{}", db.name);
        let replayed = t.shop.replay_delivery(&t.staff(), dead.id).await.unwrap();
        assert_eq!((replayed.state, replayed.attempts), (DeliveryState::Pending, 0), "{}", db.name);
        assert_eq!((replayed.event, replayed.sequence), (dead.event, dead.sequence), "{}", db.name);
        assert_eq!(t.round(&postman).await.delivered, 1, "{}", db.name);

        t.clock.advance(31 * DAY);
        t.shop.sweep_all().await.unwrap();
        assert_eq!(t.log(endpoint).await, [], "{}: forgotten", db.name);
        let forgotten = t.shop.replay_delivery(&t.staff(), dead.id).await.unwrap_err();
        assert_eq!(forgotten.code(), Code::UnknownDelivery, "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_is_left_alone() {
    for db in Db::both().await {
        let t = open(&db).await;
        let down = t.endpoint(HOOK, &["Stock.Counted"]).await.endpoint.id;
        let up = t.endpoint(OTHER_HOOK, &["Stock.Counted"]).await.endpoint.id;
        t.events(20).await;
        t.shop.fan_out().await.unwrap();
        let postman = Postman::answering(0);
        // Eight at once to each of the two; five failures open both breakers.
        assert_eq!(t.round(&postman).await.failed, 16, "{}", db.name);
        assert_eq!((t.failures(down).await, t.failures(up).await), (5, 5), "{}", db.name);
        assert_eq!(t.round(&postman).await, Delivered::default(), "{}: both are left alone", db.name);
        let change = EndpointChange { is_paused: Some(false), ..EndpointChange::default() };
        t.shop.change_endpoint(&t.staff(), up, &change).await.unwrap();
        postman.now_answers(200);
        let sent = t.round(&postman).await;
        assert_eq!(sent.delivered, 8, "{}: somebody says it is up", db.name);

        // One goes through after a minute; it fails, and twice as long nothing does.
        postman.letters();
        postman.now_answers(0);
        t.shop.change_endpoint(&t.staff(), up, &EndpointChange { is_paused: Some(true), ..change }).await.unwrap();
        t.clock.advance(MINUTE);
        let (one, other) = tokio::join!(t.round(&postman), t.round(&postman));
        assert_eq!(one.failed + other.failed, 1, "{}: one, whoever sends it", db.name);
        t.clock.advance(MINUTE);
        assert_eq!(t.round(&postman).await, Delivered::default(), "{}", db.name);
        t.clock.advance(MINUTE);
        postman.now_answers(200);
        assert_eq!(t.round(&postman).await.delivered, 1, "{}", db.name);
        assert_eq!(t.failures(down).await, 0, "{}", db.name);
        assert_eq!(t.round(&postman).await.delivered, 8, "{}: and it is open again", db.name);
        assert!(postman.letters().iter().all(|letter| letter.url == HOOK), "{}: the other one is paused", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_behind_an_open_breaker_is_given_up_in_time() {
    for db in Db::both().await {
        let t = open(&db).await;
        let endpoint = t.endpoint(HOOK, &["Stock.Counted"]).await.endpoint.id;
        t.events(30).await;
        t.shop.fan_out().await.unwrap();
        let postman = Postman::answering(500);
        let mut given_up = 0;
        while t.clock.now().micros() < START.micros() + 74 * HOUR {
            given_up += t.round(&postman).await.given_up;
            t.clock.advance(20 * MINUTE);
        }
        assert_eq!(given_up, 30, "{}", db.name);
        assert!(t.log(endpoint).await.iter().all(|one| one.state == DeliveryState::Dead), "{}", db.name);
        assert!(postman.letters().len() < 150, "{}: nobody knocks in vain all the time", db.name);

        postman.now_answers(200);
        let replayed = t.shop.replay_since(&t.staff(), endpoint, START).await.unwrap();
        assert_eq!(replayed, 30, "{}", db.name);
        t.clock.advance(HOUR);
        // One to see whether it is there, then the others.
        let mut rounds = Vec::new();
        while let sent @ 1.. = t.round(&postman).await.delivered {
            rounds.push(sent);
        }
        assert_eq!(rounds, [1, 8, 8, 8, 5], "{}", db.name);
        let order: Vec<String> =
            postman.letters().iter().map(|one| header(one, "X-Zhanggui-Sequence").to_owned()).collect();
        assert_eq!(order, (1..=30).map(|n| n.to_string()).collect::<Vec<_>>(), "{}: in order", db.name);
        assert_eq!(t.shop.replay_since(&t.staff(), endpoint, t.clock.now()).await.unwrap(), 0, "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_letter_that_fails_holds_back_no_other() {
    struct Picky(Mutex<Option<String>>, Mutex<Vec<String>>);
    impl Courier for Picky {
        fn deliver<'a>(&'a self, letter: &'a Letter) -> Handover<'a> {
            let id = header(letter, "X-Zhanggui-Event-Id").to_owned();
            let refused = self.0.lock().unwrap().get_or_insert_with(|| id.clone()).clone();
            let status = if refused == id { 422 } else { 200 };
            self.1.lock().unwrap().push(id);
            Box::pin(async move { Outcome::Answered { status, body: String::new() } })
        }
    }
    for db in Db::both().await {
        let t = open(&db).await;
        let endpoint = t.endpoint(HOOK, &["Stock.Counted"]).await.endpoint.id;
        t.events(20).await;
        t.shop.fan_out().await.unwrap();
        let picky = Picky(Mutex::default(), Mutex::default());
        for _ in 0..4 {
            t.shop.deliver_due(&t.system(), &picky).await.unwrap();
        }
        let log = t.log(endpoint).await;
        let pending: Vec<_> = log.iter().filter(|one| one.state == DeliveryState::Pending).collect();
        assert_eq!(pending.len(), 1, "{}", db.name);
        assert_eq!((pending[0].sequence, pending[0].last_status), (1, Some(422)), "{}", db.name);
        assert_eq!(log.len(), 20, "{}", db.name);
        assert_eq!(t.failures(endpoint).await, 0, "{}: others are taken", db.name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_workers_send_each_letter_once() {
    for db in Db::both().await {
        let t = open(&db).await;
        let endpoint = t.endpoint(HOOK, &["Stock.Counted"]).await.endpoint.id;
        t.events(60).await;
        let postman = Postman::answering(200);
        let workers: Vec<_> = (0..4)
            .map(|_| {
                let (shop, postman) = (t.shop.clone(), postman.clone());
                tokio::spawn(async move {
                    shop.fan_out().await.unwrap();
                    for _ in 0..40 {
                        shop.deliver_all(&*postman).await.unwrap();
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        while t.round(&postman).await.delivered > 0 {}
        let letters = postman.letters();
        let ids: HashSet<_> = letters.iter().map(|one| header(one, "X-Zhanggui-Delivery")).collect();
        assert_eq!((ids.len(), letters.len()), (60, 60), "{}", db.name);
        let mut order: Vec<i64> = t.log(endpoint).await.iter().map(|one| one.sequence).collect();
        order.sort_unstable();
        assert_eq!(order, (1..=60).collect::<Vec<_>>(), "{}: counted without a gap", db.name);
    }
}

/// Of two writers the later one commits first, and its event is told before the earlier one commits. SQLite has one writer.
#[tokio::test(flavor = "multi_thread")]
async fn what_commits_late_is_told_late_and_not_lost() {
    let db = Db::postgres().await;
    let t = open(&db).await;
    let endpoint = t.endpoint(HOOK, &["Stock.Counted"]).await.endpoint.id;
    let mut early = AnyConnection::connect(&db.url).await.unwrap();
    let late_event = Id::<Event>::derived("test", "late");
    let insert = r#"insert into event (id, tenant, name, version, subject, subject_version, correlation_id, actor, payload, at)
                  values ($1, $2, 'Stock.Counted', 1, 'sku_00000000000000000000000000000001', 0, '', 'system',
                          '{"counting": "arrived"}', $3)"#;
    sqlx::raw_sql("begin").execute(&mut early).await.unwrap();
    let insert = sqlx::query(insert).bind(late_event.to_string()).bind(t.tenant.to_string()).bind(START.micros());
    insert.execute(&mut early).await.unwrap();
    t.events(3).await;
    assert_eq!(t.shop.fan_out().await.unwrap(), 3);
    sqlx::raw_sql("commit").execute(&mut early).await.unwrap();
    assert_eq!(t.shop.fan_out().await.unwrap(), 1);
    let last = t.log(endpoint).await.into_iter().max_by_key(|one| one.sequence).unwrap();
    assert_eq!((last.event, last.sequence), (late_event, 4));
    early.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_shop_sees_and_gets_nothing() {
    for db in Db::both().await {
        let t = open(&db).await;
        let ours = t.endpoint(HOOK, &["Stock.Counted"]).await.endpoint.id;
        let other = TestShop::on(t.shop.store().clone(), "other", 9).await;
        other.shop.load_master_key(MasterKey::new([42; 32]));
        let theirs = other.endpoint(OTHER_HOOK, &[]).await;
        t.events(2).await;
        t.shop.fan_out().await.unwrap();
        let delivery = t.log(ours).await[0].id;

        let staff = other.staff();
        assert_eq!(other.shop.endpoints(&staff).await.unwrap().len(), 1, "{}", db.name);
        let search = DeliverySearch::default();
        let seen = other.shop.deliveries(&staff, &search, 100).await.unwrap();
        assert!(seen.iter().all(|one| one.endpoint == theirs.endpoint.id), "{}: {seen:?}", db.name);
        assert!(seen.iter().all(|one| one.event_name.starts_with("Webhook.")), "{}: {seen:?}", db.name);
        let unknown = Code::UnknownEndpoint;
        let change = EndpointChange::default();
        assert_eq!(other.shop.change_endpoint(&staff, ours, &change).await.unwrap_err().code(), unknown);
        assert_eq!(other.shop.rotate_endpoint_secret(&staff, ours).await.unwrap_err().code(), unknown);
        assert_eq!(other.shop.remove_endpoint(&staff, ours).await.unwrap_err().code(), unknown);
        assert_eq!(other.shop.replay_since(&staff, ours, START).await.unwrap_err().code(), unknown);
        let replay = other.shop.replay_delivery(&staff, delivery).await.unwrap_err();
        assert_eq!(replay.code(), Code::UnknownDelivery, "{}", db.name);

        let postman = Postman::answering(200);
        other.round(&postman).await;
        let letters = postman.letters();
        assert!(letters.iter().all(|letter| letter.url == OTHER_HOOK), "{}", db.name);
        assert!(letters.iter().all(|letter| body(letter)["tenant"] == "other"), "{}", db.name);
        assert_eq!(t.round(&postman).await.delivered, 2, "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_replaced_without_a_gap() {
    for db in Db::both().await {
        let t = open(&db).await;
        let first = t.endpoint(HOOK, &["Stock.Counted"]).await;
        let id = first.endpoint.id;
        let second = t.shop.rotate_endpoint_secret(&t.staff(), id).await.unwrap();
        assert_ne!(first.secret.reveal(), second.secret.reveal());
        let postman = Postman::answering(200);
        let sent = async || {
            t.events(1).await;
            t.shop.fan_out().await.unwrap();
            assert_eq!(t.round(&postman).await.delivered, 1);
            postman.letters().remove(0)
        };
        let letter = sent().await;
        let both = format!("{},{}", signatures(&letter, &second.secret), signatures(&letter, &first.secret));
        assert_eq!(header(&letter, "X-Zhanggui-Signature"), both, "{}", db.name);
        t.clock.advance(DAY);
        let letter = sent().await;
        assert_eq!(header(&letter, "X-Zhanggui-Signature"), signatures(&letter, &second.secret), "{}", db.name);
        // One that is known to too many ends at once when it is replaced twice.
        t.shop.rotate_endpoint_secret(&t.staff(), id).await.unwrap();
        t.shop.rotate_endpoint_secret(&t.staff(), id).await.unwrap();
        let letter = sent().await;
        let left = signatures(&letter, &second.secret);
        assert!(!header(&letter, "X-Zhanggui-Signature").contains(&left), "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endpoints_come_pause_and_go() {
    for db in Db::both().await {
        let t = open(&db).await;
        let (shop, staff) = (&t.shop, t.staff());
        let code = async |url: &str, events: &[String]| {
            shop.add_endpoint(&staff, url, events).await.map(drop).map_err(|error| error.code())
        };
        assert_eq!(code("http://erp.example.com/", &[]).await, Err(Code::InvalidEndpoint));
        assert_eq!(code("https://me:secret@erp.example.com/", &[]).await, Err(Code::InvalidEndpoint));
        assert_eq!(code(HOOK, &["everything".to_owned()]).await, Err(Code::InvalidEndpoint));
        assert_eq!(code("http://127.0.0.1:9000/", &[]).await, Err(Code::InvalidEndpoint));
        shop.practise_webhooks();
        assert_eq!(code("http://127.0.0.1:9000/", &[]).await, Ok(()));
        assert_eq!(code("http://10.0.0.1:9000/", &[]).await, Err(Code::InvalidEndpoint));
        for _ in 1..20 {
            assert_eq!(code(HOOK, &["Order.Paid".to_owned()]).await, Ok(()), "{}", db.name);
        }
        assert_eq!(code(HOOK, &[]).await, Err(Code::TooManyEndpoints), "{}", db.name);
        let endpoints = shop.endpoints(&staff).await.unwrap();
        for endpoint in &endpoints[1..] {
            shop.remove_endpoint(&staff, endpoint.id).await.unwrap();
        }
        let id = endpoints[0].id;
        let change = EndpointChange {
            url: Some(HOOK.to_owned()),
            events: Some(vec!["Stock.Counted".to_owned()]),
            is_paused: Some(true),
        };
        let changed = shop.change_endpoint(&staff, id, &change).await.unwrap();
        assert_eq!((changed.url.as_str(), changed.state), (HOOK, EndpointState::Paused), "{}", db.name);

        // What happens meanwhile waits, however long, and is not given up untried.
        shop.fan_out().await.unwrap();
        let before = t.log(id).await.len();
        t.events(2).await;
        assert_eq!(shop.fan_out().await.unwrap(), 2, "{}", db.name);
        let postman = Postman::answering(200);
        t.clock.advance(10 * DAY);
        assert_eq!(t.round(&postman).await, Delivered::default(), "{}", db.name);
        let resume = EndpointChange { is_paused: Some(false), ..EndpointChange::default() };
        shop.change_endpoint(&staff, id, &resume).await.unwrap();
        let mut delivered = 0;
        while let sent @ 1.. = t.round(&postman).await.delivered {
            delivered += sent;
        }
        assert_eq!(delivered, before + 2, "{}", db.name);

        t.events(1).await;
        shop.fan_out().await.unwrap();
        shop.remove_endpoint(&staff, id).await.unwrap();
        assert_eq!(t.round(&postman).await, Delivered::default(), "{}", db.name);
        let last = t.log(id).await.remove(0);
        assert_eq!((last.state, last.attempts), (DeliveryState::Dead, 0), "{}", db.name);
        assert_eq!(shop.replay_delivery(&staff, last.id).await.unwrap_err().code(), Code::UnknownEndpoint);
        assert_eq!(shop.endpoints(&staff).await.unwrap(), [], "{}", db.name);
        t.events(1).await;
        assert_eq!(shop.fan_out().await.unwrap(), 0, "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_need_a_permission_and_a_master_key() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let shop = &t.shop;
        let without = shop.add_endpoint(&t.staff(), HOOK, &[]).await.unwrap_err();
        assert_eq!(without.code(), Code::NoMasterKey, "{}", db.name);
        shop.load_master_key(MasterKey::new([42; 32]));
        let jobs = t.staff().granted(Permission::iter().filter(|one| *one != Permission::RunJobs).collect());
        let refused = shop.deliver_due(&jobs, &*Postman::answering(200)).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotAllowed, "{}", db.name);
        let may: Vec<_> = StaffRole::iter().filter(|role| role.grants().contains(Permission::WriteWebhooks)).collect();
        assert_eq!(may, [StaffRole::Owner], "what leaves the shop is the owner's to say");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_round_takes_few_statements() {
    for db in Db::both().await {
        let t = open(&db).await;
        t.endpoint(HOOK, &["Stock.Counted"]).await;
        t.endpoint(OTHER_HOOK, &["Stock.Counted"]).await;
        t.events(40).await;
        // Places the events first: that is the log's own work.
        t.shop.store().events_after(0, 1).await.unwrap();
        let before = t.shop.store().statements();
        assert_eq!(t.shop.fan_out().await.unwrap(), 80, "{}", db.name);
        let fan_out = t.shop.store().statements() - before;
        assert!(fan_out <= 14, "{}: {fan_out}", db.name);

        let before = t.shop.store().statements();
        assert_eq!(t.round(&Postman::answering(200)).await.delivered, 16, "{}", db.name);
        let round = t.shop.store().statements() - before;
        assert!(round <= 12, "{}: {round}", db.name);
    }
}

/// Events are what leaves the shop: nothing in them may say who a customer is.
#[tokio::test(flavor = "multi_thread")]
async fn no_letter_names_a_customer() {
    for db in Db::both().await {
        let t = open(&db).await;
        t.endpoint(HOOK, &[]).await;
        let sku = t.add_product("TEA", &["TEA-1"]).await[0];
        t.receive(sku, 10).await;
        let buyer = t.add_customer("C1").await;
        let placed =
            t.shop.place_order(&buyer.caller, buyer.customer, "a-key-0001", buyer.wants(&[(sku, 1)])).await.unwrap();
        t.shop.cancel_order(&buyer.caller, placed.order, "too late").await.unwrap();
        t.shop.fan_out().await.unwrap();
        let postman = Postman::answering(200);
        while t.round(&postman).await.delivered > 0 {}
        let letters = postman.letters();
        assert!(letters.iter().any(|letter| header(letter, "X-Zhanggui-Event") == "Order.Canceled"), "{}", db.name);
        for letter in letters {
            for personal in ["王小满", "13800001234", "稻香路"] {
                assert!(!letter.body.contains(personal), "{}: {}", db.name, letter.body);
            }
        }
    }
}

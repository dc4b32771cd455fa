//! Every event of every story is what `docs/event-schemas` says it is; see [`hold_to_schemas`].

use crate::bank::Story;
use crate::db::Db;
use crate::shop::yuan;
use crate::staff::{House, PASSWORD};
use commerce_core::after_sale::{CaseId, CaseKind, Reason};
use commerce_core::catalog::{ProductKind, Sku, SkuId, id_of_code};
use commerce_core::customer::{Address, Destination, Level};
use commerce_core::event::{Event, EventName};
use commerce_core::import::{Format, Mode, Sheet};
use commerce_core::order::{Act, OrderId};
use commerce_core::permission::{Grants, Permission};
use commerce_core::pricing::{Activity, Price, PriceRule};
use commerce_core::reconcile::StatementFormat;
use commerce_core::sandbox::{Fault, Op, Verdict, start_of};
use commerce_core::staff::StaffRole;
use commerce_core::store::{DeliverySearch, Store, StoreError};
use commerce_core::tenant::Settings;
use commerce_core::time::{Clock, DAY, MINUTE};
use commerce_core::{CaseRequest, Count, EndpointChange, Shipment};
use jsonschema::{Registry, Validator};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;
use strum::IntoEnumIterator;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/event-schemas");
/// Where the schemas find each other; nothing is fetched from there.
const ADDRESS: &str = "https://zhanggui.test/";
/// What is no event: these are parts of the others.
const PARTS: [&str; 2] = ["common.v1.json", "envelope.v1.json"];

/// The schemas by file name.
static SCHEMAS: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let files = std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let schemas = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let named = |path: &std::path::Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    schemas
        .map(|path| (named(&path), serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()))
        .collect()
});

/// The same, closed: what is not described is a fault.
static CLOSED: LazyLock<BTreeMap<String, Validator>> = LazyLock::new(|| {
    let mut closed = SCHEMAS.clone();
    // What every event has is closed where the event is: its payload is described there.
    closed.iter_mut().filter(|(file, _)| *file != "envelope.v1.json").for_each(|(_, schema)| close(schema));
    let addressed = closed.iter().map(|(file, schema)| (format!("{ADDRESS}{file}"), schema));
    let registry = Registry::new().extend(addressed).unwrap().prepare().unwrap();
    let options = || jsonschema::options().with_registry(&registry).should_validate_formats(true);
    let whole = |file: &str| json!({ "$ref": format!("{ADDRESS}{file}"), "unevaluatedProperties": false });
    closed.keys().map(|file| (file.clone(), options().build(&whole(file)).unwrap())).collect()
});

/// Lets no property and no item hold more than is described.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(words) => {
            for (word, part) in words {
                close(part);
                let values: Vec<&mut Value> = match (word.as_str(), part) {
                    ("properties", Value::Object(properties)) => properties.values_mut().collect(),
                    ("items", item) => vec![item],
                    _ => Vec::new(),
                };
                for value in values {
                    value["unevaluatedProperties"] = false.into();
                }
            }
        }
        Value::Array(parts) => parts.iter_mut().for_each(close),
        _ => {}
    }
}

/// What is wrong with an event.
fn faults(event: &Event) -> Vec<String> {
    let file = format!("{}.v{}.json", event.name, event.version);
    let Some(validator) = CLOSED.get(&file) else { return vec![format!("docs/event-schemas/{file} is missing")] };
    let told = serde_json::to_value(event).unwrap();
    let mut faults: Vec<String> = validator
        .iter_errors(&told)
        .map(|fault| format!("{} at {}: {fault}", event.name, fault.instance_path()))
        .collect();
    // Names, addresses and remarks are Chinese in our stories; nothing that is told for programs is.
    if !told.to_string().is_ascii() {
        faults.push(format!("{} repeats what people wrote: {told}", event.name));
    }
    faults
}

/// Everything that was told in a database.
async fn events_in(url: &str) -> Vec<Event> {
    let store = match Store::open(url).await {
        Ok(store) => store,
        // Left so by a story about just that.
        Err(StoreError::SchemaBehind) => return Vec::new(),
        Err(error) => panic!("{error}"),
    };
    let mut events = Vec::new();
    let mut position = 0;
    loop {
        let next = store.events_after(position, 5_000).await.unwrap();
        let Some(last) = next.last() else { break };
        position = last.position;
        events.extend(next.into_iter().map(|placed| placed.event));
    }
    store.close().await;
    events
}

/// Every story ends with this: [`Db`] does it when it is dropped.
pub(crate) async fn hold_to_schemas(url: &str) {
    let faults: BTreeSet<String> = events_in(url).await.iter().flat_map(faults).collect();
    let some: Vec<String> = faults.into_iter().take(20).collect();
    assert!(some.is_empty(), "events are not what docs/event-schemas says:\n{}", some.join("\n"));
}

#[test]
fn every_event_has_a_schema_and_every_schema_an_event() {
    let events: BTreeSet<String> = EventName::iter().map(|name| name.to_string()).collect();
    let page = std::fs::read_to_string(format!("{FOLDER}/README.md")).unwrap();
    let mut described = BTreeSet::new();
    for (file, schema) in SCHEMAS.iter() {
        assert!(jsonschema::meta::is_valid(schema), "{file} is not a schema");
        if PARTS.contains(&file.as_str()) {
            continue;
        }
        let (name, version) = file.strip_suffix(".json").and_then(|stem| stem.rsplit_once(".v")).unwrap();
        let own = &schema["properties"];
        assert_eq!((&own["name"]["const"], own["version"]["const"].to_string().as_str()), (&json!(name), version));
        let row = format!("| [`{name}`]({file}) | {} |", schema["description"].as_str().unwrap());
        assert!(page.contains(&row), "docs/event-schemas/README.md lacks the row\n{row}");
        described.insert(name.to_owned());
    }
    assert_eq!(described, events);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_described_is_a_fault() {
    let db = Db::sqlite().await;
    let s = Story::begin(&db).await;
    s.order("key-00000001", 1).await;
    let told = events_in(&db.url).await.into_iter().find(|event| event.name == "Order.Created").unwrap();
    assert_eq!(faults(&told), [""; 0]);
    let change = |at: &str, to: Value| {
        let mut changed = told.clone();
        match changed.payload.pointer_mut(at) {
            Some(place) => *place = to,
            None => changed.payload[at] = to,
        }
        faults(&changed)
    };
    let money = |amount: Value| json!({ "amount": amount, "currency": "CNY", "rounded": true });
    for (at, to, word) in [
        ("phone", json!("1"), "phone"),
        ("/total", money("1.00".into()), "rounded"),
        ("/lines/0/unit_price", money("1.00".into()), "rounded"),
        ("/total/amount", json!(1), "/payload/total/amount"),
        ("/lines/0", json!({}), "sku_code"),
        ("/hold_until", json!("tomorrow"), "date-time"),
        ("/channel", json!("王小满"), "wrote"),
    ] {
        let faults = change(at, to);
        assert!(faults.iter().any(|fault| fault.contains(word)), "{at}: {faults:?}");
    }
    let newer = Event { version: 9, ..told.clone() };
    assert_eq!(faults(&newer), ["docs/event-schemas/Order.Created.v9.json is missing"]);
}

/// A shop in which everything happens that there is to tell of.
#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_told_in_this_story() {
    let db = Db::sqlite().await;
    let s = Story::begin(&db).await;
    goods(&s).await;
    orders(&s).await;
    parcels(&s).await;
    payments(&s).await;
    refunds_and_disputes(&s).await;
    after_sale(&s).await;
    let house = House::of(s.t).await;
    hooks(&house).await;
    people(house).await;
    let told: BTreeSet<String> = events_in(&db.url).await.into_iter().map(|event| event.name).collect();
    let untold: Vec<EventName> = EventName::iter().filter(|name| !told.contains(&name.to_string())).collect();
    assert_eq!(untold, [], "tell of these, too");
}

const RULE: &str = r#"{"rule_id": "autumn", "title": {"zh": "满减", "en": "Autumn"}, "type": "full_reduction",
    "scope": {"level": "platform"}, "condition": {"amount_at_least": "900.00"}, "effect": {"reduce": "10.00"}, "stackable": true,
    "priority": 1, "valid_from": "2026-01-01T00:00:00+08:00", "valid_to": "2027-01-01T00:00:00+08:00"}"#;
const UNFINISHED: &str = "order_no,customer_code,channel,state,created_at,sku_code,qty,unit_price,recipient,phone,province,street\n\
    2025-1,C1,taobao,CREATED,2025-11-11T00:00:01Z,TEA-1,1,10.00,王小满,13800001234,浙江省,稻香路 8 号\n";

impl Story {
    fn other_sku(&self) -> SkuId {
        id_of_code(self.t.tenant, "TEA-2")
    }

    /// So many pieces of the first line are spoiled.
    async fn spoiled(&self, order: OrderId, qty: u32) -> CaseId {
        let line = self.t.shop.order(&self.buyer.caller, order).await.unwrap().1[0].id;
        let (kind, reason, note) = (CaseKind::Refund, Reason::Spoiled, "坏了".to_owned());
        let request = CaseRequest { kind, items: vec![(line, qty)], exchange_to: None, reason, note };
        self.t.shop.apply_after_sale(&self.buyer.caller, order, &request).await.unwrap()[0].id
    }
}

async fn goods(s: &Story) {
    let (shop, staff, now) = (&s.t.shop, s.t.staff(), s.t.clock.now());
    let ends_at = now.plus_micros(DAY);
    let activity = id_of_code(s.t.tenant, "A1");
    let sale = Activity { id: activity, code: "A1".into(), name: "秒杀".into(), starts_at: now, ends_at };
    shop.save_activity(&staff, &sale).await.unwrap();
    shop.set_aside(&staff, activity, s.sku, 1).await.unwrap();
    let price = |rule, code: &str| {
        let id = id_of_code(s.t.tenant, code);
        Price { id, sku: s.sku, rule, amount: yuan("9.00"), valid_from: now, valid_to: ends_at }
    };
    let (gold, douyin) = (PriceRule::Member(Level::Gold), PriceRule::Channel("douyin".into()));
    let prices = [price(gold, "P1"), price(douyin, "P2"), price(PriceRule::Activity(activity), "P3")];
    shop.set_prices(&staff, &prices).await.unwrap();
    let product = s.t.product("EGG", ProductKind::Physical);
    let scarce = Sku { low_stock: 5, ..s.t.sku(&product, "EGG-30", "30.00") };
    let id = scarce.id;
    shop.save_products(&staff, &[(product, vec![scarce])]).await.unwrap();
    s.t.receive(id, 1).await;
    shop.sweep(&s.t.system()).await.unwrap();
    let far_away = s.t.add_warehouse("W2", 2).await;
    let count = Count { sku: s.other_sku(), warehouse: far_away, batch: None, qty: 9 };
    shop.set_stock(&staff, &[count], "盘点").await.unwrap();
    shop.publish_rule(&staff, RULE).await.unwrap();
    shop.withdraw_rule(&staff, "autumn").await.unwrap();
}

async fn orders(s: &Story) {
    let (shop, staff, buyer) = (&s.t.shop, s.t.staff(), &s.buyer.caller);
    shop.import(&staff, Sheet::Orders, Format::Csv, UNFINISHED.as_bytes(), Mode::Whole).await.unwrap();
    let unfinished = shop.order_by_no(&staff, "2025-1").await.unwrap().id;
    shop.move_order(&staff, unfinished, Act::Submit).await.unwrap();

    let home = shop.addresses(buyer, s.buyer.customer).await.unwrap().remove(0);
    let destination = Destination { street: "茶园街 3 号".into(), ..home.destination };
    let work = Address { id: id_of_code(s.t.tenant, "C1-work"), destination, is_default: false, ..home };
    shop.save_address(buyer, &work).await.unwrap();
    let order = s.order("key-orders-1", 1).await;
    let line = shop.order(buyer, order).await.unwrap().1[0].id;
    shop.change_address(buyer, order, work.id).await.unwrap();
    shop.swap_variant(buyer, order, line, s.other_sku()).await.unwrap();
    shop.cancel_order(buyer, order, "不想要了").await.unwrap();
    s.order("key-orders-2", 1).await;
    for _ in 0..2 {
        s.t.clock.advance(16 * MINUTE);
        shop.sweep(&s.t.system()).await.unwrap();
    }
}

async fn parcels(s: &Story) {
    let (shop, staff, buyer) = (&s.t.shop, s.t.staff(), &s.buyer.caller);
    let wants = s.buyer.wants(&[(s.sku, 1), (s.other_sku(), 1)]);
    let order = shop.place_order(buyer, s.buyer.customer, "key-parcels-1", wants).await.unwrap().order;
    shop.confirm_paid(&s.t.system(), order).await.unwrap();
    assert_eq!(shop.propose(&staff).await.unwrap(), 1);
    let split = shop.proposals(&staff, None).await.unwrap()[0].id;
    shop.accept_proposal(&staff, split).await.unwrap();
    for act in [Act::Pick, Act::Pack] {
        shop.move_order(&staff, order, act).await.unwrap();
    }
    let parcels = shop.parcels(&staff, order).await.unwrap();
    for parcel in &parcels {
        let shipment = Shipment { carrier: "SF".into(), tracking_no: format!("SF-{}", parcel.id) };
        shop.ship_parcel(&staff, parcel.id, &shipment).await.unwrap();
    }
    let changed_their_mind = s.spoiled(order, 1).await;
    shop.withdraw_case(buyer, changed_their_mind).await.unwrap();
    shop.move_order(&staff, order, Act::Move).await.unwrap();
    for parcel in &parcels {
        shop.deliver_parcel(&staff, parcel.id).await.unwrap();
    }
    shop.move_order(buyer, order, Act::Confirm).await.unwrap();
    shop.move_order(&staff, order, Act::Complete).await.unwrap();
}

async fn payments(s: &Story) {
    s.card("30.00").await;
    s.paid("key-payments-1", 10).await;
    let today = start_of(&s.t.clock.now().day(0)).unwrap();
    let statement = s.bank.it().statement(today).replace("100.00", "100.01");
    let format = StatementFormat::sandbox();
    s.t.shop.import_statement(&s.t.staff(), &s.bank.code, statement.as_bytes(), &format).await.unwrap();

    let refused = s.order("key-payments-2", 1).await;
    s.bank.it().misbehave(Op::Create, [Fault::Refuse]);
    s.pay(refused, &[s.bank.method()]).await.unwrap_err();
    let given_up = s.order("key-payments-3", 1).await;
    s.pay(given_up, &[s.bank.method()]).await.unwrap();
    s.t.shop.cancel_order(&s.buyer.caller, given_up, "").await.unwrap();
    s.chase().await;
}

async fn refunds_and_disputes(s: &Story) {
    let (shop, staff) = (&s.t.shop, s.t.staff());
    let (li, wang) = (staff.clone().named("li"), staff.clone().named("wang"));
    let order = s.paid("key-refunds-1", 10).await;
    s.set_refund_check_over(1_000).await;
    shop.refund(&li, order, yuan("30.00"), "少发").await.unwrap();
    shop.reject_refunds(&wang, order, &s.waiting(order).await, "证据不足").await.unwrap();
    shop.compensate(&li, order, yuan("5.00"), "久等了").await.unwrap();
    s.set_refund_check_over(1_000_000).await;
    s.chase().await;
    for (key, verdict) in [("key-dispute-1", Verdict::MerchantWins), ("key-dispute-2", Verdict::BuyerWins)] {
        let no = s.disputed(key, 1, "10.00").await.1;
        shop.contest_dispute(&staff, s.open_dispute().await.id, "有签收").await.unwrap();
        s.chase().await;
        s.bank.it().decide(&no, verdict, s.t.clock.now()).unwrap();
        s.chase().await;
    }
}

async fn after_sale(s: &Story) {
    let (shop, staff, buyer) = (&s.t.shop, s.t.staff(), &s.buyer.caller);
    let order = s.delivered("key-after-sale").await;
    for case in [s.spoiled(order, 1).await, s.spoiled(order, 1).await] {
        shop.withdraw_case(buyer, case).await.unwrap();
    }
    for qty in [1, 9] {
        let case = s.spoiled(order, qty).await;
        shop.approve_case(&staff, case, "同意").await.unwrap();
        s.chase().await;
    }
}

async fn people(house: House) {
    let (shop, owner) = (&house.t.shop, &house.owner);
    let li = house.hire("li", StaffRole::Clerk).await.id;
    shop.change_role(owner, li, StaffRole::Finance).await.unwrap();
    let caller = house.caller("li").await;
    let factor = shop.begin_second_factor(&caller).await.unwrap();
    shop.confirm_second_factor(&caller, &house.code_of(factor.secret.reveal())).await.unwrap();
    shop.drop_second_factor(owner, li).await.unwrap();
    shop.change_password(&house.caller("li").await, PASSWORD, "quite another one").await.unwrap();
    shop.reset_password(owner, li, "yet another one").await.unwrap();
    shop.dismiss(owner, li).await.unwrap();
    let key = shop.issue_key(owner, "erp", Grants::of(&[Permission::ReadOrders]), 30).await.unwrap().key;
    shop.revoke_key(owner, key.id).await.unwrap();
    shop.change_settings(owner, Settings { merge_window_minutes: 60, ..Settings::default() }).await.unwrap();
    shop.erase_customer(owner, house.t.add_customer("C9").await.customer).await.unwrap();
}

/// Somebody outside hears of events, again, and no more.
async fn hooks(house: &House) {
    let (shop, owner) = (&house.t.shop, &house.owner);
    let hook =
        shop.add_endpoint(owner, "https://erp.example.com/hook", &["Stock.*".to_owned()]).await.unwrap().endpoint.id;
    let counted =
        Count { sku: id_of_code(house.t.tenant, "TEA-1"), warehouse: house.t.warehouse, batch: None, qty: 90 };
    shop.set_stock(owner, &[counted], "").await.unwrap();
    shop.fan_out().await.unwrap();
    let told = shop.deliveries(owner, &DeliverySearch::default(), 10).await.unwrap();
    shop.replay_delivery(owner, told[0].id).await.unwrap();
    shop.rotate_endpoint_secret(owner, hook).await.unwrap();
    let paused = EndpointChange { is_paused: Some(true), ..EndpointChange::default() };
    shop.change_endpoint(owner, hook, &paused).await.unwrap();
    shop.remove_endpoint(owner, hook).await.unwrap();
}

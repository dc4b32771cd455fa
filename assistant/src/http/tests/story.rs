//! A day in the shop, told over HTTP: the owner opens it, a shopper buys, pays, changes their mind, sends something back; the
//! books are closed in the evening. Every operation takes part, every answer is what the contract says, and what was said
//! becomes the examples of the documentation.

use super::*;
use commerce_core::ledger::seal::Imprint;
use commerce_core::money::Money as Exact;
use commerce_core::sandbox::{Fault, Op};
use commerce_core::time::HOUR;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api-examples.json");
const API: &str = "/api/v1";

/// A house, and what was said in it.
pub(super) struct Told {
    pub(super) house: House,
    /// By the names of the operations: the first of each.
    pub(super) said: Mutex<BTreeMap<String, Said>>,
}

#[derive(Clone)]
pub(super) struct Said {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Sent,
    status: StatusCode,
    answer: Value,
}

/// Somebody who tells their part of the story.
#[derive(Clone)]
struct Teller<'a> {
    told: &'a Told,
    token: String,
}

impl Told {
    async fn say(&self, who: As<'_>, method: Method, path: &str, body: Sent) -> Value {
        let path = format!("{API}{path}");
        let (status, answer) = self.house.ask(who, method.clone(), &path, &body).await;
        assert!(status.is_success(), "{method} {path}: {status} {answer}");
        let (id, operation) = operation_of(&method, &path);
        holds_the_contract(&id, operation, status, &answer);
        let said = Said { method, path, body, status, answer: answer.clone() };
        self.said.lock().unwrap().entry(id).or_insert(said);
        answer
    }

    fn nobody(&self) -> Teller<'_> {
        Teller { told: self, token: String::new() }
    }

    fn as_token(&self, session: &Value) -> Teller<'_> {
        Teller { told: self, token: text(&session["token"]) }
    }
}

impl Teller<'_> {
    async fn say(&self, method: Method, path: &str, body: Sent) -> Value {
        let who = if self.token.is_empty() { As::Nobody } else { As::Token(&self.token) };
        self.told.say(who, method, path, body).await
    }

    async fn get(&self, path: &str) -> Value {
        self.say(Method::GET, path, Sent::Nothing).await
    }

    async fn put(&self, path: &str, body: Value) -> Value {
        self.say(Method::PUT, path, Sent::Json(body)).await
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        self.say(Method::POST, path, Sent::Json(body)).await
    }

    async fn patch(&self, path: &str, body: Value) -> Value {
        self.say(Method::PATCH, path, Sent::Json(body)).await
    }

    async fn delete(&self, path: &str) -> Value {
        self.say(Method::DELETE, path, Sent::Nothing).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

/// The operation that a request is of.
fn operation_of(method: &Method, path: &str) -> (String, &'static Map<String, Value>) {
    let path = path.split('?').next().unwrap();
    let fits = |template: &str| {
        let (is, may): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), template.split('/').collect());
        is.len() == may.len() && is.iter().zip(&may).all(|(is, may)| may.starts_with('{') || is == may)
    };
    let mut fitting: Vec<_> =
        all_operations().into_iter().filter(|(of, template, _)| of == method && fits(template)).collect();
    // `/cases/open` is no case.
    fitting.sort_by_key(|(_, template, _)| template.matches('{').count());
    let (_, _, operation) =
        fitting.into_iter().next().unwrap_or_else(|| panic!("{method} {path} is not in the document"));
    (text(&operation["operationId"]), operation)
}

/// The status is documented, and the answer is what its schema says.
fn holds_the_contract(id: &str, operation: &Map<String, Value>, status: StatusCode, answer: &Value) {
    let response = &operation["responses"][status.as_str()];
    assert!(response.is_object(), "{id}: {status} is not documented");
    let Some(schema) = response["content"]["application/json"]["schema"].as_object() else { return };
    let mut schema = schema.clone();
    schema.insert("components".to_owned(), document()["components"].clone());
    let validator = jsonschema::validator_for(&Value::Object(schema)).unwrap();
    let faults: Vec<String> =
        validator.iter_errors(answer).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{id}: {faults:?}\n{answer}");
}

/// Tells the whole story.
pub(super) async fn tell() -> Told {
    let told = Told { house: House::open().await, said: Mutex::default() };
    let owner = told.nobody().post("/sessions", json!({ "login": "owner", "password": PASSWORD })).await;
    let owner = told.as_token(&owner);
    let goods = fill_the_shelves(&owner).await;
    let helper = hire_somebody(&told, &owner).await;
    advertise(&owner).await;
    let shopper = come_in(&told).await;
    let hook = listen(&owner).await;
    let order = buy(&told, &shopper, &goods).await;
    send(&owner, &order).await;
    send_back(&told, &owner, &shopper, &order).await;
    give_money_back(&told, &owner, &helper, &order).await;
    other_ways_to_pay(&owner, &shopper, &goods).await;
    propose(&owner, &shopper, &goods).await;
    dispute(&told, &owner, &order).await;
    hear(&told, &owner, &hook).await;
    close_the_books(&told, &owner, &order).await;
    leave(&told, &owner, &shopper, &helper).await;
    told
}

/// What there is to buy.
struct Goods {
    small: String,
    large: String,
}

async fn fill_the_shelves(owner: &Teller<'_>) -> Goods {
    let warehouses = [("HZ", "杭州仓", 1)];
    for (code, name, rank) in warehouses {
        owner.put("/warehouses", json!({ "code": code, "name": name, "region": "华东", "rank": rank })).await;
    }
    let warehouse = text(&owner.get("/warehouses").await["items"][0]["id"]);
    owner
        .put(
            "/categories",
            json!([
                { "code": "food", "name": "农家食品", "name_en": "Farm food", "position": 1 },
                { "code": "honey", "parent": "food", "name": "蜂蜜", "name_en": "Honey", "position": 1 },
            ]),
        )
        .await;
    owner.get("/categories").await;
    let yuan = |amount: &str| json!({ "amount": amount, "currency": "CNY" });
    let product = owner
        .put("/products", json!({
            "code": "honey-linden", "kind": "physical", "title": "长白山椴树蜜", "title_en": "Linden honey", "category": "honey",
            "status": "active", "description": "结晶细腻，花香清淡。", "attributes": { "产地": "吉林长白山" },
            "variants": [
                { "code": "HNY-LD-500", "options": { "净含量": "500 g" }, "weight_g": 620, "list_price": yuan("59.90"), "cost": yuan("31.00"), "floor_price": yuan("45.00") },
                { "code": "HNY-LD-1000", "options": { "净含量": "1 kg" }, "weight_g": 1180, "list_price": yuan("109.00"), "floor_price": yuan("85.00") },
            ],
        }))
        .await;
    let (small, large) = (text(&product["variants"][1]["sku"]), text(&product["variants"][0]["sku"]));
    let found = owner.get("/products?words=椴树&category=food".replace("椴树", "%E6%A4%B4%E6%A0%91").as_str()).await;
    assert_eq!(found["items"].as_array().unwrap().len(), 1, "{found}");
    owner.get("/products/honey-linden").await;
    owner
        .put(&format!("/skus/{small}/batches"), json!({
            "code": "HNY-2026-07", "harvest_year": 2026, "processing_date": "2026-07-18", "best_before": "2028-07-18T00:00:00Z",
            "quality_grade": "一级", "total_qty": 200,
        }))
        .await;
    owner.get(&format!("/skus/{small}/batches")).await;
    let counts = json!([
        { "sku": small, "warehouse": warehouse, "qty": 100 }, { "sku": large, "warehouse": warehouse, "qty": 100 },
    ]);
    owner.post("/stock/counts", json!({ "counts": counts, "counting": "arrived", "note": "first delivery" })).await;
    let pile = text(&owner.get(&format!("/skus/{small}/stock")).await["items"][0]["id"]);
    owner.get(&format!("/stock/{pile}/journal")).await;
    let (from, to) = ("2026-11-20T00:00:00Z", "2026-12-20T00:00:00Z");
    owner
        .put("/activities", json!({ "code": "autumn-live", "name": "秋收直播", "starts_at": from, "ends_at": to }))
        .await;
    let activity = text(&owner.get("/activities").await["items"][0]["id"]);
    owner.post(&format!("/activities/{activity}/stock"), json!({ "sku": small, "qty": 5 })).await;
    let price =
        json!([{ "kind": "member", "selector": "gold", "amount": yuan("55.00"), "valid_from": from, "valid_to": to }]);
    owner.put(&format!("/skus/{small}/prices"), price).await;
    owner.get(&format!("/skus/{small}/prices")).await;
    let sheet = "customer_code,name,phone\nC0001,周青禾,13900000001\n".to_owned();
    owner.say(Method::POST, "/imports/customers?mode=whole", Sent::Text(sheet)).await;
    owner.get("/exports/customers").await;
    owner.get("/shop").await;
    Goods { small, large }
}

/// Somebody who helps, with a second factor, and a program with a key.
async fn hire_somebody<'a>(told: &'a Told, owner: &Teller<'a>) -> Teller<'a> {
    let first = "a first password";
    let member =
        owner.post("/staff", json!({ "login": "chen", "name": "陈晓", "role": "clerk", "password": first })).await;
    let id = text(&member["id"]);
    owner.put(&format!("/staff/{id}/role"), json!({ "role": "finance" })).await;
    let sign_in = async |password: &str| {
        let session = told.nobody().post("/sessions", json!({ "login": "chen", "password": password })).await;
        told.as_token(&session)
    };
    let second = "quite another password";
    sign_in(first).await.put("/me/password", json!({ "old_password": first, "new_password": second })).await;
    let chen = sign_in(second).await;
    let factor = chen.post("/me/second-factor", json!({})).await;
    let code = code_of(&text(&factor["secret"]), told.house.clock.now());
    chen.post("/me/second-factor/confirmation", json!({ "code": code })).await;
    owner.delete(&format!("/staff/{id}/second-factor")).await;
    owner.put(&format!("/staff/{id}/password"), json!({ "password": "a third password" })).await;
    owner.get("/staff").await;
    let key = owner.post("/keys", json!({ "name": "仓库系统", "permissions": ["orders:read"], "days": 90 })).await;
    let key = owner.post(&format!("/keys/{}/rotation", text(&key["key"]["id"])), json!({})).await;
    Teller { told, token: text(&key["text"]) }.get("/me").await;
    owner.get("/keys").await;
    owner.delete(&format!("/keys/{}", text(&key["key"]["id"]))).await;
    sign_in("a third password").await
}

fn code_of(secret: &str, now: Timestamp) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let codes = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    codes.generate(now.millis().unsigned_abs() / 1_000).to_string()
}

async fn advertise(owner: &Teller<'_>) {
    let rule = |reduce: &str| {
        json!({
            "rule_id": "welcome", "title": { "zh": "新人券", "en": "Welcome coupon" }, "type": "coupon", "scope": { "level": "platform" },
            "condition": { "amount_at_least": "50.00" }, "effect": { "reduce": reduce }, "stackable": true, "priority": 1,
            "valid_from": "2026-01-01T00:00:00+08:00", "valid_to": "2027-01-01T00:00:00+08:00",
        })
    };
    owner.post("/rules", rule("10.00")).await;
    owner.post("/rules", rule("20.00")).await;
    owner.post("/rules/welcome/rollback", json!({})).await;
    owner.get("/rules").await;
    owner.get("/rules/welcome").await;
}

async fn come_in(told: &Told) -> Teller<'_> {
    told.nobody().post("/shopper-sessions/codes", json!({ "phone": "13900004321" })).await;
    let code = told.house.codes.lock().unwrap().pop().unwrap();
    let proof = json!({ "by": "phone", "phone": "+86 139-0000-4321", "code": code });
    let session = told.nobody().post("/shopper-sessions", proof).await;
    let shopper = told.as_token(&session);
    shopper.patch("/customers/me", json!({ "name": "王小满", "email": "xiaoman@example.com" })).await;
    let me = shopper.get("/me").await;
    assert_eq!((&me["customer"]["name"], &me["customer"]["phone"]), (&json!("王小满"), &json!("13900004321")));
    shopper
}

fn door(street: &str) -> Value {
    json!({ "recipient": "王小满", "phone": "13900004321", "province": "浙江", "city": "杭州", "district": "西湖区", "street": street })
}

/// An order that was paid through the sandbox.
async fn buy(told: &Told, shopper: &Teller<'_>, goods: &Goods) -> String {
    let home = shopper.post("/customers/me/addresses", json!({ "destination": door("稻香路 8 号") })).await;
    let (home, work) = (text(&home["id"]), door("文三路 90 号"));
    let work = text(&shopper.post("/customers/me/addresses", json!({ "destination": work })).await["id"]);
    shopper.put(&format!("/customers/me/addresses/{work}"), json!({ "destination": door("文三路 91 号") })).await;
    shopper.get("/customers/me/addresses").await;
    shopper.put("/customers/me/cart", json!({ "sku": goods.small, "qty": 2 })).await;
    shopper.put("/customers/me/cart", json!({ "sku": goods.large, "qty": 1 })).await;
    shopper.delete(&format!("/customers/me/cart?sku={}", goods.large)).await;
    assert_eq!(shopper.get("/customers/me/cart").await["items"].as_array().unwrap().len(), 1);
    let wanted =
        json!({ "items": [{ "sku": goods.small, "qty": 2 }], "shipping_address_id": home, "remark": "请轻放" });
    let preview = shopper.post("/orders/preview", wanted.clone()).await;
    let placed = shopper.post("/orders", wanted.clone()).await;
    assert_eq!(placed["preview"]["total"], preview["totals"]["total"]);
    assert_eq!(shopper.post("/orders", wanted).await, placed, "the same request is the same order");
    let order = text(&placed["id"]);
    let paying = shopper.post(&format!("/orders/{order}/payments"), channel()).await;
    pay_and_tell(told, &text(&paying["payments"][0]["id"])).await;
    let paid = shopper.get(&format!("/orders/{order}/payments")).await;
    assert_eq!((&paid["status"], &paid["order"]["state"]), (&json!("paid"), &json!("PAID")));
    shopper.put(&format!("/orders/{order}/address"), json!({ "shipping_address_id": work })).await;
    let seen = shopper.get(&format!("/orders/{order}")).await;
    assert_eq!(seen["destination"]["street"], "文三路 91 号");
    let swap = json!({ "line": seen["lines"][0]["id"], "sku": goods.large });
    let swapped = shopper.post(&format!("/orders/{order}/swaps"), swap.clone()).await;
    assert_eq!(swapped["difference"]["amount"], "98.20");
    assert_eq!(
        shopper.post(&format!("/orders/{order}/swaps"), swap).await["difference"],
        swapped["difference"],
        "once"
    );
    // Another payment, and so another key.
    let paying = shopper.post(&format!("/orders/{order}/payments?of=difference"), channel()).await;
    let open = paying["payments"].as_array().unwrap().iter().find(|payment| payment["pay_url"].is_string());
    pay_and_tell(told, &text(&open.unwrap()["id"])).await;
    shopper.get("/orders?state=PAID").await;
    shopper.get(&format!("/orders/{order}/history")).await;
    order
}

fn channel() -> Value {
    json!({ "methods": [{ "type": "channel", "channel": "sandbox" }] })
}

/// The shopper pays on the payment page, and the company tells the shop.
async fn pay_and_tell(told: &Told, payment: &str) {
    told.house.company.lock().unwrap().pay(payment, told.house.clock.now()).unwrap();
    let news = told.house.company.lock().unwrap().deliveries(told.house.clock.now());
    for one in news {
        let path = format!("{API}/callbacks/demo/sandbox");
        let mut request = request(As::Nobody, Method::POST, &path, &Sent::Text(one.message.body.clone()));
        for (name, value) in &one.message.headers {
            let name: axum::http::HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        let response = told.house.send(request).await;
        assert_eq!(response.status(), StatusCode::OK);
        told.house.company.lock().unwrap().delivered(&one.event_id);
        let (method, body, status) = (Method::POST, Sent::Text(one.message.body), StatusCode::OK);
        let said = Said { method, path, body, status, answer: json!({ "received": true }) };
        told.said.lock().unwrap().entry("take_notification".to_owned()).or_insert(said);
    }
}

async fn send(owner: &Teller<'_>, order: &str) {
    owner.post(&format!("/orders/{order}/allocation"), json!({})).await;
    for act in ["pick", "pack"] {
        owner.post(&format!("/orders/{order}/moves"), json!({ "act": act })).await;
    }
    let parcel = text(&owner.get(&format!("/orders/{order}/parcels")).await["items"][0]["id"]);
    let sent = json!({ "carrier": "SF", "tracking_no": "SF1423000012345" });
    owner.post(&format!("/parcels/{parcel}/shipment"), sent).await;
    let delivered = owner.post(&format!("/parcels/{parcel}/delivery"), json!({})).await;
    assert_eq!(delivered["items"][0]["state"], "DELIVERED");
}

async fn send_back(told: &Told, owner: &Teller<'_>, shopper: &Teller<'_>, order: &str) {
    let line = shopper.get(&format!("/orders/{order}")).await["lines"][0]["id"].clone();
    let apply = async |kind: &str, reason: &str| {
        let wanted =
            json!({ "kind": kind, "items": [{ "line": line, "qty": 1 }], "reason_code": reason, "note": "瓶口渗漏" });
        text(&shopper.post(&format!("/orders/{order}/cases"), wanted).await["items"][0]["id"])
    };
    let complaint = apply("complaint", "late").await;
    shopper.post(&format!("/cases/{complaint}/withdrawal"), json!({})).await;
    let case = apply("return", "damaged").await;
    owner.get("/cases/open").await;
    owner.post(&format!("/cases/{case}/decision"), json!({ "verdict": "approve", "resolution": "请寄回" })).await;
    owner.post(&format!("/cases/{case}/returned-goods"), json!({ "condition": "scrap" })).await;
    chase(told).await;
    let cases = shopper.get(&format!("/orders/{order}/cases")).await;
    let returned = cases["items"].as_array().unwrap().iter().find(|one| one["id"] == json!(case)).unwrap();
    assert_eq!(returned["status"], "DONE", "{cases}");
}

/// What time asks for.
async fn chase(told: &Told) {
    told.house.clock.advance(60_000_000);
    told.house.shop.chase_all().await.unwrap();
}

async fn give_money_back(told: &Told, owner: &Teller<'_>, helper: &Teller<'_>, order: &str) {
    let yuan = |amount: &str| json!({ "amount": amount, "currency": "CNY" });
    let mut settings = owner.get("/shop/settings").await;
    settings["refund_check_over"] = json!(3_000);
    owner.put("/shop/settings", settings).await;
    let asked = json!({ "amount": yuan("40.00"), "reason": "goodwill" });
    let first = helper.post(&format!("/orders/{order}/refunds"), asked.clone()).await;
    let again = helper.post(&format!("/orders/{order}/refunds"), asked).await;
    assert_eq!(first["refunds"], again["refunds"], "asked twice with one key, given back once");
    let waiting = owner.get("/refunds/to-approve").await;
    let ids: Vec<&Value> = waiting["items"].as_array().unwrap().iter().map(|refund| &refund["id"]).collect();
    told.house.company.lock().unwrap().misbehave(Op::Refund, [Fault::Refuse]);
    owner.post(&format!("/orders/{order}/refunds/decisions"), json!({ "refunds": ids, "verdict": "approve" })).await;
    chase(told).await;
    owner.post(&format!("/orders/{order}/refunds/retries"), json!({})).await;
    chase(told).await;
    let gift = json!({ "amount": yuan("5.00"), "note": "sorry for the trouble" });
    owner.post(&format!("/orders/{order}/compensations"), gift).await;
    chase(told).await;
}

async fn other_ways_to_pay(owner: &Teller<'_>, shopper: &Teller<'_>, goods: &Goods) {
    let amount = json!({ "amount": "100.00", "currency": "CNY" });
    let wanted = json!({ "amount": amount, "paid_from": "counter", "expires_at": "2027-11-21T00:00:00Z" });
    let card = owner.post("/gift-cards", wanted.clone()).await;
    assert_eq!(owner.post("/gift-cards", wanted).await, card, "the same card, and its code once more");
    let worth = shopper.post("/gift-cards/balance", json!({ "code": card["code"] })).await;
    assert_eq!(worth["available"]["amount"], "100.00");
    let home = shopper.get("/customers/me/addresses").await["items"][0]["id"].clone();
    let order = async |remark: &str| {
        let wanted =
            json!({ "items": [{ "sku": goods.small, "qty": 1 }], "shipping_address_id": home, "remark": remark });
        text(&shopper.post("/orders", wanted).await["id"])
    };
    let with_card = order("gift card").await;
    let methods = json!({ "methods": [{ "type": "gift_card", "code": card["code"] }] });
    let paid = shopper.post(&format!("/orders/{with_card}/payments"), methods).await;
    assert_eq!(paid["status"], "paid");
    let canceled = shopper.post(&format!("/orders/{with_card}/cancellation"), json!({ "reason": "买错了规格" })).await;
    assert_eq!(canceled["state"], "CANCELED");
    let worth = shopper.post("/gift-cards/balance", json!({ "code": card["code"] })).await;
    assert_eq!(worth["available"]["amount"], "100.00", "the card has its money back");
    let at_counter = order("counter").await;
    let taken = owner.post(&format!("/orders/{at_counter}/counter-payments"), json!({ "if_expired": "refuse" })).await;
    assert_eq!(taken["state"], "PAID");
}

async fn propose(owner: &Teller<'_>, shopper: &Teller<'_>, goods: &Goods) {
    let home = shopper.get("/customers/me/addresses").await["items"][0]["id"].clone();
    let wanted =
        json!({ "items": [{ "sku": goods.small, "qty": 1 }], "shipping_address_id": home, "remark": "another" });
    let second = text(&shopper.post("/orders", wanted).await["id"]);
    owner.post(&format!("/orders/{second}/counter-payments"), json!({ "if_expired": "reserve_again" })).await;
    assert_eq!(owner.post("/proposals", json!({})).await["made"], 1);
    let proposal = text(&owner.get("/proposals?state=OPEN").await["items"][0]["id"]);
    owner.post(&format!("/proposals/{proposal}/decision"), json!({ "verdict": "accept" })).await;
}

async fn dispute(told: &Told, owner: &Teller<'_>, order: &str) {
    let payments = owner.get(&format!("/orders/{order}/payments")).await;
    let payment = text(&payments["payments"][0]["id"]);
    let (amount, now) = (Exact::parse("30.00", Currency::CNY).unwrap(), told.house.clock.now());
    told.house.company.lock().unwrap().complain(&payment, amount, "not as described", now).unwrap();
    told.house.clock.advance(3_600_000_000);
    chase(told).await;
    let dispute = text(&owner.get("/disputes").await["items"][0]["id"]);
    owner.get(&format!("/disputes/{dispute}")).await;
    owner
        .post(
            &format!("/disputes/{dispute}/answer"),
            json!({ "answer": "contest", "note": "delivered and signed for" }),
        )
        .await;
    chase(told).await;
}

/// Somebody outside wants to hear of what happens.
async fn listen(owner: &Teller<'_>) -> String {
    let wanted = json!({ "url": "https://erp.example.com/zhanggui", "events": ["Order.*"] });
    text(&owner.post("/webhooks", wanted).await["endpoint"]["id"])
}

async fn hear(told: &Told, owner: &Teller<'_>, hook: &str) {
    told.house.shop.fan_out().await.unwrap();
    let queued = owner.get(&format!("/webhook-deliveries?endpoint={hook}&limit=2")).await;
    assert!(queued["next_cursor"].is_string(), "{queued}");
    let delivery = text(&queued["items"][0]["id"]);
    owner.post(&format!("/webhook-deliveries/{delivery}/replay"), json!({})).await;
    owner.post(&format!("/webhooks/{hook}/replay"), json!({ "since": "2026-11-01T00:00:00Z" })).await;
    owner.post(&format!("/webhooks/{hook}/rotation"), json!({})).await;
    owner.patch(&format!("/webhooks/{hook}"), json!({ "pace": "pause" })).await;
    owner.get("/webhooks").await;
    owner.get("/audit?name=Order&limit=3").await;
    owner.get("/events?limit=3").await;
}

async fn close_the_books(told: &Told, owner: &Teller<'_>, order: &str) {
    let amount = json!({ "amount": "100.00", "currency": "CNY" });
    let moved = json!({ "debit": "bank", "credit": "clearing:sandbox", "amount": amount, "purpose": "pay_out" });
    let transfer = text(&owner.post("/ledger/transfers", moved).await["id"]);
    owner.get("/ledger/balances?account=merchant").await;
    owner.get("/ledger/statement?account=clearing:sandbox").await;
    let (shop, tenant) = (&told.house.shop, told.house.tenant("demo").await);
    let last: Option<&Imprint> = None;
    shop.seal(&Caller::system(tenant), &told.house.seal, last).await.unwrap();
    owner.get(&format!("/ledger/transfers/{transfer}/proof")).await;
    let day = told.house.clock.now().day(0);
    told.house.clock.advance(10 * HOUR);
    owner.post("/reconciliation/sandbox/fetches", json!({ "day": day })).await;
    let payment = text(&owner.get(&format!("/orders/{order}/payments")).await["payments"][0]["id"]);
    let from = commerce_core::sandbox::start_of(&day).unwrap();
    let statement = told.house.company.lock().unwrap().statement(from).replacen(&payment, "pay_unknown", 1);
    owner.post("/reconciliation/sandbox/statements", json!({ "content": statement })).await;
    let difference = owner.get("/reconciliation/differences?status=OPEN").await["items"][0]["diff_id"].clone();
    let difference = text(&difference);
    owner.put(&format!("/reconciliation/differences/{difference}/assignee"), json!({ "to": "chen" })).await;
    let settled = json!({ "resolution": "their_mistake", "note": "they named it wrongly and will correct it" });
    owner.post(&format!("/reconciliation/differences/{difference}/resolution"), settled).await;
}

/// In the evening everybody goes, and one is forgotten.
async fn leave(told: &Told, owner: &Teller<'_>, shopper: &Teller<'_>, helper: &Teller<'_>) {
    let me = text(&shopper.get("/me").await["customer"]["id"]);
    owner.get("/customers?words=4321").await;
    let coupons = json!({ "for": "customers", "customers": [me] });
    owner.post("/rules/welcome/coupons", coupons).await;
    shopper.get("/customers/me/coupons").await;
    owner.delete("/rules/welcome").await;
    owner.get(&format!("/customers/{me}")).await;
    shopper.get("/customers/me/personal-data").await;
    let guest =
        told.nobody().post("/shopper-sessions", json!({ "by": "platform", "platform": "wechat", "code": "g1" })).await;
    let guest = told.as_token(&guest);
    let address = guest.post("/customers/me/addresses", json!({ "destination": door("过客路 1 号") })).await;
    guest.delete(&format!("/customers/me/addresses/{}", text(&address["id"]))).await;
    guest.delete("/customers/me/personal-data").await;
    let hook = text(&owner.get("/webhooks").await["items"][0]["id"]);
    owner.delete(&format!("/webhooks/{hook}")).await;
    let chen = owner.get("/staff").await["items"][0]["id"].clone();
    helper.delete("/sessions/current").await;
    owner.delete(&format!("/staff/{}", text(&chen))).await;
}

#[tokio::test]
async fn every_operation_takes_part_in_the_story() {
    let told = tell().await;
    let said = told.said.lock().unwrap();
    let example = |said: &Said| {
        let body = match &said.body {
            Sent::Nothing => Value::Null,
            Sent::Json(value) => value.clone(),
            Sent::Text(text) => Value::String(text.clone()),
        };
        let request = format!("{} {}", said.method, said.path);
        json!({ "request": request, "body": body, "status": said.status.as_u16(), "answer": said.answer })
    };
    let examples: BTreeMap<&String, Value> = said.iter().map(|(id, said)| (id, example(said))).collect();
    let silent: Vec<String> = all_operations()
        .into_iter()
        .map(|(.., operation)| text(&operation["operationId"]))
        .filter(|id| !examples.contains_key(id))
        .collect();
    assert!(silent.is_empty(), "these take no part: {silent:?}");
    let told = serde_json::to_string_pretty(&examples).unwrap() + "\n";
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(Path::new(EXAMPLES), &told).unwrap();
    }
    let kept = std::fs::read_to_string(EXAMPLES).unwrap_or_default();
    assert!(
        kept == told,
        "docs/api-examples.json is not what the service answers: run `make docs` and look at the difference"
    );
}

//! The service as its clients meet it, in one process: every operation in one story, what strangers see, what the contract says.

mod contract;
mod doors;
mod isolation;
mod story;

use super::{Cookies, DemoSignIn, HttpConfig, LimitsConfig, Outside, Service, document};
use crate::http::sign_in::{Asked, CodeSender};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use commerce_core::caller::Caller;
use commerce_core::id::Mint;
use commerce_core::ledger::seal::SealKey;
use commerce_core::money::{Currency, Rate};
use commerce_core::sandbox::{Provider, SandboxChannel, wire};
use commerce_core::secret::{MasterKey, Secret};
use commerce_core::shopper::PlatformIdentity;
use commerce_core::staff::StaffRole;
use commerce_core::store::Store;
use commerce_core::tenant::TenantId;
use commerce_core::time::{Clock, ManualClock, Timestamp};
use commerce_core::{NewMember, Shop};
use serde_json::{Map, Value};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tower::ServiceExt;

const START: Timestamp = Timestamp::from_micros(1_795_262_400_000_000);
const PASSWORD: &str = "a house of many goods";

/// A service with two shops in it, `demo` and `other`, each with an owner.
struct House {
    shop: Shop,
    router: Router,
    clock: Arc<ManualClock>,
    company: Arc<Mutex<Provider>>,
    codes: Arc<Mutex<Vec<String>>>,
    seal: SealKey,
    _dir: TempDir,
}

/// Who asks.
#[derive(Clone, Copy)]
enum As<'a> {
    Nobody,
    Token(&'a str),
}

impl House {
    async fn open() -> Self {
        Self::open_with(HttpConfig { limits: no_limits(), ..config() }).await
    }

    async fn open_with(config: HttpConfig) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", dir.path().join("shop.db").display());
        Store::migrate(&url).await.unwrap();
        let clock = Arc::new(ManualClock::at(START));
        let shop = Shop::with(Store::open(&url).await.unwrap(), clock.clone() as Arc<dyn Clock>, Mint::seeded(1));
        shop.load_master_key(MasterKey::new([7; 32]));
        let (fee, (keys, merchant_keys)) = (Rate::from_basis_points(60), wire::keys_from("practice"));
        let company = Arc::new(Mutex::new(Provider::new("M-1", fee, keys)));
        for (code, name) in [("demo", "掌柜农场"), ("other", "隔壁茶庄")] {
            let tenant = shop.open_tenant(code, name, Currency::CNY).await.unwrap().id;
            let new = NewMember { login: "owner", name: "稻小满", role: StaffRole::Owner, password: PASSWORD };
            shop.hire(&Caller::staff(tenant), new).await.unwrap();
        }
        let channel = SandboxChannel::new(company.clone(), merchant_keys, fee, clock.clone() as Arc<dyn Clock>);
        let demo = shop.tenant("demo").await.unwrap().id;
        shop.connect(demo, Arc::new(channel));
        let codes = Arc::new(Mutex::new(Vec::new()));
        let platforms = [("wechat".to_owned(), Arc::new(Practice) as _)].into();
        let outside = Outside { platforms, codes: Some(Arc::new(Kept(codes.clone()))) };
        let router = Service::new(shop.clone(), config, outside).into_router();
        Self { shop, router, clock, company, codes, seal: SealKey::from_seed([5; 32]), _dir: dir }
    }

    async fn tenant(&self, code: &str) -> TenantId {
        self.shop.tenant(code).await.unwrap().id
    }

    async fn send(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// The status and the body as JSON, or as text where it is none.
    async fn ask(&self, who: As<'_>, method: Method, path: &str, body: &Sent) -> (StatusCode, Value) {
        let response = self.send(request(who, method, path, body)).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The owner of a shop signs in.
    async fn owner(&self, shop: &str) -> String {
        let body = serde_json::json!({ "login": "owner", "password": PASSWORD });
        let mut request = request(As::Nobody, Method::POST, "/api/v1/sessions", &Sent::Json(body));
        request.headers_mut().insert("x-shop", shop.parse().unwrap());
        let bytes = to_bytes(self.send(request).await.into_body(), usize::MAX).await.unwrap();
        let session: Value = serde_json::from_slice(&bytes).unwrap();
        session["token"].as_str().unwrap().to_owned()
    }
}

/// What a request carries.
#[derive(Clone)]
enum Sent {
    Nothing,
    Json(Value),
    Text(String),
}

/// Every request has an idempotency key of its own: the same request, sent again, has the same one.
fn request(who: As<'_>, method: Method, path: &str, body: &Sent) -> Request<Body> {
    let key = format!("{method}-{}", path.len());
    let request = Request::builder().method(method).uri(path).header("accept-language", "en");
    let request = match who {
        As::Nobody => request,
        As::Token(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
    };
    let (kind, body) = match body {
        Sent::Nothing => ("application/json", String::new()),
        Sent::Json(value) => ("application/json", value.to_string()),
        Sent::Text(text) => ("text/csv", text.clone()),
    };
    let key = format!("{key}-{:016x}", fingerprint(body.as_bytes(), path));
    let request = request.header(header::CONTENT_TYPE, kind).header("x-idempotency-key", key);
    request.header("x-request-id", "one-day-in-the-shop").body(Body::from(body)).unwrap()
}

fn fingerprint(bytes: &[u8], path: &str) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (bytes, path).hash(&mut hasher);
    hasher.finish()
}

fn config() -> HttpConfig {
    HttpConfig {
        shop: "demo".to_owned(),
        demo_sign_in: DemoSignIn::In("demo".to_owned()),
        cookies: Cookies::Secure,
        ..HttpConfig::default()
    }
}

fn no_limits() -> LimitsConfig {
    let (per_address_per_s, per_user_per_s, per_key_per_s, hot_writes_per_s) = (0, 0, 0, 0);
    LimitsConfig { per_address_per_s, per_user_per_s, per_key_per_s, hot_writes_per_s, ..LimitsConfig::default() }
}

/// A platform that knows whoever says who they are.
struct Practice;

impl super::Platform for Practice {
    fn identify<'a>(&'a self, code: &'a str) -> Asked<'a, PlatformIdentity> {
        let (platform, open_id) = ("wechat".to_owned(), format!("o-{code}"));
        Box::pin(async move { Ok(PlatformIdentity { platform, open_id, union_id: None }) })
    }
}

/// Codes that were sent to phones.
struct Kept(Arc<Mutex<Vec<String>>>);

impl CodeSender for Kept {
    fn send<'a>(&'a self, _: &'a str, code: &'a Secret) -> Asked<'a, ()> {
        self.0.lock().unwrap().push(code.reveal().to_owned());
        Box::pin(async { Ok(()) })
    }
}

/// Every operation of the document: its method, its path, and what is said of it.
fn all_operations() -> Vec<(Method, String, &'static Map<String, Value>)> {
    let mut all = Vec::new();
    for (path, item) in document()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase().parse().unwrap();
            all.push((method, path.clone(), operation.as_object().unwrap()));
        }
    }
    all
}

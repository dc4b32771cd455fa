//! HTTP as a shopper, a merchant or a stranger would speak it.

use commerce_core::sandbox::wire::{MerchantKeys, keys_from};
use commerce_core::time::{Clock, SystemClock};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

/// The secret of a sandbox that was given none.
pub(crate) const SECRET: &str = "zhanggui-sandbox-development";

pub(crate) struct Merchant {
    client: Client,
    keys: MerchantKeys,
    url: String,
    /// How far its clock is wrong, in microseconds.
    pub(crate) clock_error: i64,
}

impl Merchant {
    pub(crate) fn new(url: &str, secret: &str) -> Self {
        Self { client: client(), keys: keys_from(secret).1, url: url.to_owned(), clock_error: 0 }
    }

    /// Status and JSON of the answer.
    pub(crate) async fn ask(&self, method: Method, path: &str, body: &str) -> (u16, Value) {
        let now = SystemClock.now().plus_micros(self.clock_error);
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.url));
        for (name, value) in self.keys.sign_request(&format!("{method}\n{path}\n{body}"), now) {
            request = request.header(name, value);
        }
        read(request.body(body.to_owned()).send().await.unwrap()).await
    }

    pub(crate) async fn create(&self, trade_no: &str, description: &str) -> (u16, Value) {
        let payment = json!({
            "trade_no": trade_no, "amount": { "amount": "12.50", "currency": "CNY" }, "description": description,
            "expires_at": SystemClock.now().plus_minutes(5),
        });
        self.ask(Method::POST, "/v1/payments", &payment.to_string()).await
    }
}

pub(crate) async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
}

pub(crate) fn client() -> Client {
    // Only the first call counts. Nothing here speaks TLS, but a client wants to know how it would.
    drop(rustls::crypto::ring::default_provider().install_default());
    Client::builder().no_proxy().build().unwrap()
}

/// A page, as a browser gets it.
pub(crate) async fn get(url: &str) -> (u16, String) {
    let page = client().get(url).send().await.unwrap();
    (page.status().as_u16(), page.text().await.unwrap())
}

/// The page after a button was pressed.
pub(crate) async fn press(url: &str) -> (u16, String) {
    let page = client().post(url).send().await.unwrap();
    (page.status().as_u16(), page.text().await.unwrap())
}

pub(crate) async fn misbehave(url: &str, op: &str, faults: &[&str]) {
    let asked = json!({ "op": op, "faults": faults });
    assert_eq!(post(&format!("{url}/faults"), &asked).await.0, 204);
}

/// Status and JSON of the answer to an unsigned request.
pub(crate) async fn post(url: &str, body: &Value) -> (u16, Value) {
    let request = client().post(url).header("content-type", "application/json").body(body.to_string());
    read(request.send().await.unwrap()).await
}

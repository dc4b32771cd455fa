//! The service by itself: who is believed, what a page says, what it does on demand.

use crate::http::{Merchant, SECRET, client, get, misbehave, press, read};
use crate::stall::sandbox;
use commerce_core::time::MINUTE;
use reqwest::Method;

#[tokio::test(flavor = "multi_thread")]
async fn only_what_the_merchant_signed_just_now_is_believed() {
    let dir = tempfile::tempdir().unwrap();
    let (_running, url) = sandbox(dir.path(), &[]);
    let (status, answer) = read(client().post(format!("{url}/v1/payments")).body("{}").send().await.unwrap()).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (401, Some("unsigned")));
    let stranger = Merchant::new(&url, "another secret");
    assert_eq!(stranger.create("P-1", "茶").await.0, 401);
    let mut late = Merchant::new(&url, SECRET);
    late.clock_error = -6 * MINUTE;
    assert_eq!(late.create("P-1", "茶").await.0, 401);

    let merchant = Merchant::new(&url, SECRET);
    assert_eq!(merchant.ask(Method::GET, "/v1/payments/P-1", "").await.0, 404, "nothing came of it");
    let (status, created) = merchant.create("P-1", "茶").await;
    assert_eq!((status, created["state"].as_str()), (200, Some("OPEN")));
    assert_eq!(merchant.create("P-1", "茶").await.1["channel_no"], created["channel_no"], "asked again");
    assert_eq!(merchant.create("P-1", "米").await.0, 409, "the number was used");
    assert_eq!(merchant.create("P 1", "茶").await.0, 400);
    let refund = r#"{"refund_no": "R-1", "trade_no": "P-1", "amount": {"amount": "1.00", "currency": "CNY"}}"#;
    assert_eq!(merchant.ask(Method::POST, "/v1/refunds", refund).await.0, 409, "not paid yet");
    assert_eq!(merchant.ask(Method::GET, "/v1/refunds/R-1", "").await.0, 404);
    assert_eq!(merchant.ask(Method::GET, "/v1/statements/yesterday", "").await.0, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_says_how_the_payment_stands_and_nothing_in_it_is_markup() {
    let dir = tempfile::tempdir().unwrap();
    let (_running, url) = sandbox(dir.path(), &[]);
    let merchant = Merchant::new(&url, SECRET);
    merchant.create("P-1", "<script>alert(1)</script>").await;
    let (status, page) = get(&format!("{url}/pay/P-1")).await;
    assert_eq!(status, 200);
    assert!(page.contains("确认支付") && page.contains("12.50") && page.contains("&lt;script&gt;"), "{page}");
    assert!(!page.contains("<script>") && !get(&url).await.1.contains("<script>"));
    let (status, page) = press(&format!("{url}/pay/P-1")).await;
    assert!(status == 200 && page.contains("支付成功"), "{page}");
    let (status, page) = press(&format!("{url}/pay/P-1")).await;
    assert!(status == 409 && page.contains("支付成功"), "pressed twice, paid once: {page}");

    merchant.create("P-2", "茶").await;
    assert!(press(&format!("{url}/pay/P-2/cancel")).await.1.contains("支付已关闭"));
    let (status, page) = press(&format!("{url}/pay/P-2")).await;
    assert!(status == 409 && page.contains("支付已关闭"), "{page}");
    assert_eq!(merchant.ask(Method::GET, "/v1/payments/P-2", "").await.1["state"], "CLOSED");
    assert_eq!(get(&format!("{url}/pay/P-3")).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_misbehaves_once_for_each_time_it_was_told() {
    let dir = tempfile::tempdir().unwrap();
    let (_running, url) = sandbox(dir.path(), &["--fault", "create=server_error", "--fault", "create=refuse"]);
    let merchant = Merchant::new(&url, SECRET);
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(merchant.create("P-1", "茶").await.0);
    }
    assert_eq!(answers, [500, 409, 200]);
    misbehave(&url, "query", &["server_error", "server_error"]).await;
    assert_eq!(merchant.ask(Method::GET, "/v1/payments/P-1", "").await.0, 500);
    assert_eq!(client().delete(format!("{url}/faults")).send().await.unwrap().status().as_u16(), 204);
    assert_eq!(merchant.ask(Method::GET, "/v1/payments/P-1", "").await.0, 200);
}

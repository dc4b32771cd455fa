//! What every request meets before and after its operation: ids, languages, limits, cookies, keys.

use super::*;
use serde_json::json;

async fn header_of(house: &House, request: Request<Body>, name: &str) -> (StatusCode, String) {
    let response = house.send(request).await;
    let value = response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    (response.status(), value.unwrap_or_default())
}

#[tokio::test]
async fn requests_have_ids_and_refusals_quote_them() {
    let house = House::open().await;
    let mut asked = request(As::Nobody, Method::GET, "/api/v1/orders", &Sent::Nothing);
    asked.headers_mut().insert("x-request-id", "my-request-7".parse().unwrap());
    assert_eq!(header_of(&house, asked, "x-request-id").await, (StatusCode::UNAUTHORIZED, "my-request-7".to_owned()));
    let mut asked = request(As::Token("zgs_WRONG"), Method::GET, "/api/v1/orders", &Sent::Nothing);
    asked.headers_mut().insert("x-request-id", "not one\u{e9}".parse().unwrap());
    let bytes = to_bytes(house.send(asked).await.into_body(), usize::MAX).await.unwrap();
    let refusal: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!((&refusal["error"]["code"], &refusal["error"]["name"]), (&json!(3005), &json!("NOT_SIGNED_IN")));
    assert_eq!(refusal["error"]["request_id"].as_str().unwrap().len(), 32, "what is no id is replaced by one");
}

#[tokio::test]
async fn refusals_speak_the_readers_language() {
    let house = House::open().await;
    for (language, word) in [("en", "signed in"), ("zh-CN,zh;q=0.9", "登录"), ("", "登录")] {
        let mut asked = request(As::Nobody, Method::GET, "/api/v1/me", &Sent::Nothing);
        asked.headers_mut().insert("accept-language", language.parse().unwrap());
        let bytes = to_bytes(house.send(asked).await.into_body(), usize::MAX).await.unwrap();
        assert!(String::from_utf8(bytes.to_vec()).unwrap().contains(word), "{language}");
    }
}

#[tokio::test]
async fn wrong_addresses_methods_and_versions_are_refused_in_the_same_form() {
    let house = House::open().await;
    for (method, path, status, code) in [
        (Method::GET, "/api/v1/nothing", StatusCode::NOT_FOUND, 3021),
        (Method::DELETE, "/api/v1/products", StatusCode::METHOD_NOT_ALLOWED, 3021),
        (Method::GET, "/api/v1/products?limit=0", StatusCode::BAD_REQUEST, 3002),
        (Method::GET, "/api/v1/products?limit=many", StatusCode::BAD_REQUEST, 3002),
        (Method::GET, "/api/v1/products/no-such-thing", StatusCode::NOT_FOUND, 4017),
    ] {
        let (found, refusal) = house.ask(As::Nobody, method, path, &Sent::Nothing).await;
        assert_eq!((found, &refusal["error"]["code"]), (status, &json!(code)), "{path}: {refusal}");
    }
    let mut asked = request(As::Nobody, Method::GET, "/api/v1/products", &Sent::Nothing);
    asked.headers_mut().insert("accept-version", "2".parse().unwrap());
    assert_eq!(house.send(asked).await.status(), StatusCode::BAD_REQUEST);
    let allow = request(As::Nobody, Method::DELETE, "/api/v1/products", &Sent::Nothing);
    let (_, allowed) = header_of(&house, allow, "allow").await;
    assert!(allowed.contains("GET") && allowed.contains("PUT"), "{allowed}");
}

#[tokio::test]
async fn whoever_asks_too_often_is_told_when_to_come_back() {
    let limits = LimitsConfig { per_address_per_s: 3, ..no_limits() };
    let house = House::open_with(HttpConfig { limits, ..config() }).await;
    let ask = || request(As::Nobody, Method::GET, "/api/v1/shop", &Sent::Nothing);
    for _ in 0..6 {
        assert_eq!(house.send(ask()).await.status(), StatusCode::OK);
    }
    let (status, wait) = header_of(&house, ask(), "retry-after").await;
    assert_eq!((status, wait.as_str()), (StatusCode::TOO_MANY_REQUESTS, "1"));
}

#[tokio::test]
async fn a_full_house_says_so_at_once() {
    let limits = LimitsConfig { at_once: 0, ..no_limits() };
    let house = House::open_with(HttpConfig { limits, ..config() }).await;
    let asked = request(As::Nobody, Method::GET, "/api/v1/shop", &Sent::Nothing);
    assert_eq!(header_of(&house, asked, "retry-after").await, (StatusCode::SERVICE_UNAVAILABLE, "1".to_owned()));
}

#[tokio::test]
async fn bodies_are_bounded() {
    let limits = LimitsConfig { body_bytes: 1_000, ..no_limits() };
    let house = House::open_with(HttpConfig { limits, ..config() }).await;
    let body = Sent::Json(json!({ "login": "x".repeat(2_000), "password": "y" }));
    let (status, refusal) = house.ask(As::Nobody, Method::POST, "/api/v1/sessions", &body).await;
    assert_eq!((status, &refusal["error"]["code"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!(3020)));
}

#[tokio::test]
async fn what_the_framework_refuses_has_the_same_form() {
    let house = House::open().await;
    let mut asked = request(As::Nobody, Method::POST, "/api/v1/callbacks/demo/sandbox", &Sent::Nothing);
    *asked.body_mut() = Body::from(vec![0xff, 0xfe]);
    let response = house.send(asked).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let refusal: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(refusal["error"]["code"], 3002);
}

#[tokio::test]
async fn a_cookie_signs_in_and_other_pages_cannot_use_it() {
    let house = House::open().await;
    let body = json!({ "login": "owner", "password": PASSWORD, "keep_as": "cookie" });
    let signing_in = request(As::Nobody, Method::POST, "/api/v1/sessions", &Sent::Json(body));
    let (status, cookie) = header_of(&house, signing_in, "set-cookie").await;
    assert_eq!(status, StatusCode::CREATED);
    for wanted in ["__Host-zhanggui=zgs_", "HttpOnly", "SameSite=Lax", "Secure", "Path=/"] {
        assert!(cookie.contains(wanted), "{cookie}");
    }
    let pair = cookie.split(';').next().unwrap();
    let with_cookie = |method: Method, path: &str, site: &str| {
        let mut asked = request(As::Nobody, method, path, &Sent::Json(json!({ "to": "li" })));
        asked.headers_mut().insert("cookie", pair.parse().unwrap());
        asked.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
        asked
    };
    assert_eq!(house.send(with_cookie(Method::GET, "/api/v1/me", "cross-site")).await.status(), StatusCode::OK);
    let leaving = "/api/v1/sessions/current";
    assert_eq!(house.send(with_cookie(Method::DELETE, leaving, "cross-site")).await.status(), StatusCode::FORBIDDEN);
    assert_eq!(house.send(with_cookie(Method::DELETE, leaving, "same-origin")).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(house.send(with_cookie(Method::GET, "/api/v1/me", "none")).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nobody_signs_in_without_proof_outside_the_demo_shop() {
    let house = House::open_with(HttpConfig { demo_sign_in: DemoSignIn::Never, limits: no_limits(), ..config() }).await;
    let body = Sent::Json(json!({ "by": "demo", "customer": "C0001" }));
    let (status, refusal) = house.ask(As::Nobody, Method::POST, "/api/v1/shopper-sessions", &body).await;
    assert_eq!((status, &refusal["error"]["code"]), (StatusCode::NOT_FOUND, &json!(3025)));
}

#[tokio::test]
async fn pages_of_others_are_let_in_only_by_name() {
    let allowed_origins = vec!["https://shop.example".to_owned()];
    let house = House::open_with(HttpConfig { allowed_origins, limits: no_limits(), ..config() }).await;
    for (origin, expected) in [("https://shop.example", "https://shop.example"), ("https://evil.example", "")] {
        let mut asked = request(As::Nobody, Method::GET, "/api/v1/shop", &Sent::Nothing);
        asked.headers_mut().insert("origin", origin.parse().unwrap());
        assert_eq!(header_of(&house, asked, "access-control-allow-origin").await.1, expected, "{origin}");
    }
}

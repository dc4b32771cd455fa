//! The adapters against platforms of our own making.

use super::*;
use crate::http::Platform;
use axum::extract::Query;
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::signature::{KeyPair, RSA_PKCS1_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use tokio::net::TcpListener;

const KEY: &str = include_str!("practice-key.pem");

async fn serve(routes: Router) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, routes).into_future());
    address
}

async fn code2session(Query(asked): Query<BTreeMap<String, String>>) -> Json<Value> {
    let is_ours =
        asked["appid"] == "wx-practice" && asked["secret"] == "s3cret" && asked["grant_type"] == "authorization_code";
    Json(match (is_ours, asked["js_code"].as_str()) {
        (true, "good") => json!({ "openid": "o-1", "session_key": "k", "unionid": "u-1" }),
        (true, "used") => json!({ "errcode": 40163, "errmsg": "code been used" }),
        (true, _) => json!({ "errcode": -1, "errmsg": "system busy" }),
        (false, _) => json!({ "errcode": 40013, "errmsg": "invalid appid" }),
    })
}

#[tokio::test]
async fn wechat_says_who_is_behind_a_code() {
    let url = serve(Router::new().route("/sns/jscode2session", get(code2session))).await;
    let config = WeChatConfig { app_id: "wx-practice".into(), url, ..WeChatConfig::default() };
    let wechat = WeChat::new(&config, "s3cret".into()).unwrap();
    let known = wechat.identify("good").await.unwrap();
    assert_eq!((known.open_id.as_str(), known.union_id.as_deref()), ("o-1", Some("u-1")));
    assert!(matches!(wechat.identify("used").await, Err(PlatformError::UnknownCode)));
    assert!(matches!(wechat.identify("busy").await, Err(PlatformError::NoAnswer(_))));
    let nobody = WeChat::new(&WeChatConfig { url: "http://127.0.0.1:9".into(), ..config }, "s3cret".into()).unwrap();
    let Err(PlatformError::NoAnswer(why)) = nobody.identify("good").await else { panic!("somebody answered") };
    assert!(!why.contains("s3cret"), "{why}");
}

async fn oauth_token(Form(mut asked): Form<BTreeMap<String, String>>) -> Json<Value> {
    let signature = BASE64_STANDARD.decode(asked.remove("sign").unwrap_or_default()).unwrap();
    let pairs: Vec<String> = asked.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let text: String = KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    let key = RsaKeyPair::from_pkcs8(&BASE64_STANDARD.decode(text).unwrap()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref());
    let is_signed = public.verify(pairs.join("&").as_bytes(), &signature).is_ok();
    Json(match (is_signed, asked["code"].as_str()) {
        (true, "good") => {
            json!({ "alipay_system_oauth_token_response": { "user_id": "2088-1", "access_token": "t" }, "sign": "x" })
        }
        (true, _) => {
            json!({ "error_response": { "code": "40002", "sub_code": "isv.code-invalid", "sub_msg": "授权码无效" } })
        }
        (false, _) => {
            json!({ "error_response": { "code": "40002", "sub_code": "isv.invalid-signature", "sub_msg": "验签出错" } })
        }
    })
}

#[tokio::test]
async fn alipay_says_who_is_behind_a_code() {
    let url = serve(Router::new().route("/gateway.do", post(oauth_token))).await + "/gateway.do";
    let config = AlipayConfig { app_id: "2021000000000000".into(), url, ..AlipayConfig::default() };
    let alipay = Alipay::new(&config, KEY).unwrap();
    let known = alipay.identify("good").await.unwrap();
    assert_eq!((known.platform.as_str(), known.open_id.as_str()), ("alipay", "2088-1"));
    assert!(matches!(alipay.identify("wrong").await, Err(PlatformError::UnknownCode)));
    assert!(Alipay::new(&config, "not a key").is_err());
}

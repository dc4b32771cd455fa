//! WeChat's `code2session`: the code that a mini-program was given, for who is behind it.

use super::{PATIENCE, answer};
use crate::http::{Asked, Platform, PlatformError};
use crate::outgoing;
use crate::trouble::Trouble;
use commerce_core::shopper::PlatformIdentity;
use serde::Deserialize;
use std::path::PathBuf;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WeChatConfig {
    /// Of the mini-program; empty where shoppers do not come through WeChat.
    pub(crate) app_id: String,
    pub(crate) secret_file: PathBuf,
    pub(crate) url: String,
}

impl Default for WeChatConfig {
    fn default() -> Self {
        let (app_id, secret_file) = (String::new(), PathBuf::new());
        Self { app_id, secret_file, url: "https://api.weixin.qq.com".to_owned() }
    }
}

pub(crate) struct WeChat {
    app_id: String,
    secret: String,
    url: String,
    client: reqwest::Client,
}

/// Either who it is, or why not.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Session {
    openid: String,
    unionid: Option<String>,
    errcode: i64,
    errmsg: String,
}

/// The code is unknown, was used, or belongs to another mini-program.
const WRONG_CODES: [i64; 3] = [40029, 40163, 41008];

impl WeChat {
    pub(crate) fn new(config: &WeChatConfig, secret: String) -> Result<Self, Trouble> {
        let url = format!("{}/sns/jscode2session", config.url.trim_end_matches('/'));
        Ok(Self { app_id: config.app_id.clone(), secret, url, client: outgoing::patient(PATIENCE)? })
    }
}

impl Platform for WeChat {
    fn identify<'a>(&'a self, code: &'a str) -> Asked<'a, PlatformIdentity> {
        Box::pin(async move {
            let query = [
                ("appid", self.app_id.as_str()),
                ("secret", &self.secret),
                ("js_code", code),
                ("grant_type", "authorization_code"),
            ];
            let session: Session = answer(self.client.get(&self.url).query(&query)).await?;
            if WRONG_CODES.contains(&session.errcode) {
                return Err(PlatformError::UnknownCode);
            }
            if session.errcode != 0 || session.openid.is_empty() {
                return Err(PlatformError::NoAnswer(format!("{} {}", session.errcode, session.errmsg)));
            }
            let union_id = session.unionid.filter(|id| !id.is_empty());
            Ok(PlatformIdentity { platform: "wechat".to_owned(), open_id: session.openid, union_id })
        })
    }
}

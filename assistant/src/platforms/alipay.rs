//! Alipay's `alipay.system.oauth.token`: the code that a mini-program was given, for who is behind it.

use super::{PATIENCE, answer};
use crate::http::{Asked, Platform, PlatformError};
use crate::outgoing;
use crate::trouble::Trouble;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use commerce_core::shopper::PlatformIdentity;
use commerce_core::time::{Clock, HOUR, SystemClock, Timestamp};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AlipayConfig {
    /// Of the mini-program; empty where shoppers do not come through Alipay.
    pub(crate) app_id: String,
    /// The application's private key: PKCS #8, as text.
    pub(crate) key_file: PathBuf,
    pub(crate) url: String,
}

impl Default for AlipayConfig {
    fn default() -> Self {
        let (app_id, key_file) = (String::new(), PathBuf::new());
        Self { app_id, key_file, url: "https://openapi.alipay.com/gateway.do".to_owned() }
    }
}

pub(crate) struct Alipay {
    app_id: String,
    key: RsaKeyPair,
    url: String,
    client: reqwest::Client,
}

#[derive(Deserialize)]
struct Reply {
    alipay_system_oauth_token_response: Option<Token>,
    error_response: Option<Refusal>,
}

#[derive(Deserialize)]
struct Token {
    /// Newer applications are told an `open_id`, older ones a `user_id`.
    #[serde(default)]
    open_id: String,
    #[serde(default)]
    user_id: String,
    union_id: Option<String>,
}

#[derive(Deserialize)]
struct Refusal {
    #[serde(default)]
    sub_code: String,
    #[serde(default)]
    sub_msg: String,
}

impl Alipay {
    pub(crate) fn new(config: &AlipayConfig, key: &str) -> Result<Self, Trouble> {
        let unusable =
            |why: &str| Trouble::say(format!("{} holds no RSA key as PKCS #8 text: {why}", config.key_file.display()));
        let text: String = key.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
        let der = BASE64_STANDARD.decode(text).map_err(|error| unusable(&error.to_string()))?;
        let key = RsaKeyPair::from_pkcs8(&der).map_err(|error| unusable(&error.to_string()))?;
        Ok(Self { app_id: config.app_id.clone(), key, url: config.url.clone(), client: outgoing::patient(PATIENCE)? })
    }

    /// The parameters of a request with the signature over them: sorted by name, joined as `name=value&…`.
    fn signed(&self, code: &str, now: Timestamp) -> Result<BTreeMap<&'static str, String>, PlatformError> {
        let mut parameters = BTreeMap::from([
            ("app_id", self.app_id.clone()),
            ("charset", "utf-8".to_owned()),
            ("code", code.to_owned()),
            ("grant_type", "authorization_code".to_owned()),
            ("method", "alipay.system.oauth.token".to_owned()),
            ("sign_type", "RSA2".to_owned()),
            ("timestamp", beijing(now)),
            ("version", "1.0".to_owned()),
        ]);
        let pairs: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut signature = vec![0; self.key.public().modulus_len()];
        let unsigned = |_| PlatformError::NoAnswer("the request could not be signed".to_owned());
        self.key
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), pairs.join("&").as_bytes(), &mut signature)
            .map_err(unsigned)?;
        parameters.insert("sign", BASE64_STANDARD.encode(signature));
        Ok(parameters)
    }
}

/// `2026-11-21 20:08:00`, as clocks in Beijing show it.
fn beijing(now: Timestamp) -> String {
    let shifted = now.plus_micros(8 * HOUR).to_string();
    shifted.chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

impl Platform for Alipay {
    fn identify<'a>(&'a self, code: &'a str) -> Asked<'a, PlatformIdentity> {
        Box::pin(async move {
            let parameters = self.signed(code, SystemClock.now())?;
            let reply: Reply = answer(self.client.post(&self.url).form(&parameters)).await?;
            if let Some(refusal) = reply.error_response {
                let is_wrong = refusal.sub_code.starts_with("isv.code");
                let told = format!("{} {}", refusal.sub_code, refusal.sub_msg);
                return Err(if is_wrong { PlatformError::UnknownCode } else { PlatformError::NoAnswer(told) });
            }
            let nobody = || PlatformError::NoAnswer("it names nobody".to_owned());
            let token = reply.alipay_system_oauth_token_response.ok_or_else(nobody)?;
            let known = [token.open_id, token.user_id].into_iter().find(|id| !id.is_empty());
            let open_id = known.ok_or_else(nobody)?;
            Ok(PlatformIdentity { platform: "alipay".to_owned(), open_id, union_id: token.union_id })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_in_beijing() {
        let time: Timestamp = "2026-11-21T20:08:00.123456Z".parse().unwrap();
        assert_eq!(beijing(time), "2026-11-22 04:08:00");
    }
}

//! The platforms whose mini-programs shoppers come through: they know who somebody is.

mod alipay;
mod wechat;

pub(crate) use alipay::{Alipay, AlipayConfig};
pub(crate) use wechat::{WeChat, WeChatConfig};

use crate::http::PlatformError;
use serde::de::DeserializeOwned;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(5);

/// What a platform answers. Its own refusals come with status 200, too.
async fn answer<T: DeserializeOwned>(asked: reqwest::RequestBuilder) -> Result<T, PlatformError> {
    // The address holds secrets: it must not get into a log.
    let no_answer = |error: reqwest::Error| PlatformError::NoAnswer(error.without_url().to_string());
    let text = asked.send().await.map_err(no_answer)?.text().await.map_err(no_answer)?;
    serde_json::from_str(&text).map_err(|error| PlatformError::NoAnswer(format!("unreadable: {error}")))
}

#[cfg(test)]
mod tests;

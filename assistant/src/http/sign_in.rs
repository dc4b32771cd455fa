//! Whom the service asks to know a shopper: their platform, or whoever sends messages to phones.

use commerce_core::error::{Code, Failure, Kind};
use commerce_core::secret::Secret;
use commerce_core::shopper::PlatformIdentity;
use std::pin::Pin;

pub(crate) type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, PlatformError>> + Send + 'a>>;

/// A platform through which shoppers come: it knows who they are.
pub(crate) trait Platform: Send + Sync {
    /// Who is behind the code that the mini-program was given (`code2session` and its like).
    fn identify<'a>(&'a self, code: &'a str) -> Asked<'a, PlatformIdentity>;
}

/// Sends codes to phones.
pub(crate) trait CodeSender: Send + Sync {
    fn send<'a>(&'a self, phone: &'a str, code: &'a Secret) -> Asked<'a, ()>;
}

/// For a laptop: the code stands in the log, where whoever tries the shop out finds it.
pub(crate) struct CodesToLog;

impl CodeSender for CodesToLog {
    fn send<'a>(&'a self, phone: &'a str, code: &'a Secret) -> Asked<'a, ()> {
        let tail: String = phone.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
        tracing::warn!(code = code.reveal(), "the code for the phone that ends in {tail} (practice: nothing was sent)");
        Box::pin(async { Ok(()) })
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum PlatformError {
    #[error("the platform does not know this code, or it was used already; let the shopper sign in there again")]
    UnknownCode,
    #[error("the platform does not answer: {0}")]
    NoAnswer(String),
    #[error("shoppers cannot sign in this way here")]
    NotOffered,
}

impl Failure for PlatformError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownCode => Kind::Unauthenticated,
            Self::NoAnswer(_) => Kind::Unavailable,
            Self::NotOffered => Kind::NotFound,
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::UnknownCode => Code::WrongCredentials,
            Self::NoAnswer(_) => Code::PlatformUnavailable,
            Self::NotOffered => Code::SignInNotOffered,
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::UnknownCode => "平台登录凭证无效或已使用，请重新授权登录".to_owned(),
            Self::NoAnswer(_) => "登录平台暂时没有响应，请稍后重试".to_owned(),
            Self::NotOffered => "本店未开通这种登录方式".to_owned(),
        }
    }
}

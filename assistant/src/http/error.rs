//! How the service says no. The only place where kinds become statuses and errors become bodies.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use commerce_core::error::{Code, Failure, Kind, Language};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// What went wrong with a request. It becomes a body at the very end, when it is known who asked and in which language.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    kind: Kind,
    code: Code,
    en: String,
    zh: String,
    fields: Vec<FieldFault>,
    retry_after_s: Option<u64>,
}

#[derive(Clone, Debug)]
pub(crate) struct FieldFault {
    pub(crate) field: String,
    pub(crate) en: String,
    pub(crate) zh: String,
}

impl<F: Failure> From<F> for Problem {
    fn from(failure: F) -> Self {
        let (en, zh) = (failure.message(Language::English), failure.message(Language::Chinese));
        Self::new(failure.kind(), failure.code(), en, zh)
    }
}

impl Problem {
    fn new(kind: Kind, code: Code, en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { kind, code, en: en.into(), zh: zh.into(), fields: Vec::new(), retry_after_s: None }
    }

    /// A request that cannot be understood.
    pub(crate) fn invalid(what: impl std::fmt::Display) -> Self {
        let (en, zh) = (format!("the request cannot be understood: {what}"), format!("请求无法理解：{what}"));
        Self::new(Kind::Invalid, Code::InvalidRequest, en, zh)
    }

    pub(crate) fn too_large() -> Self {
        let en = "the body is larger than this operation takes; send it in parts";
        Self::new(Kind::Invalid, Code::PayloadTooLarge, en, "请求体超过该操作允许的大小，请分批发送")
    }

    pub(crate) fn no_key() -> Self {
        let en = "this operation needs the header X-Idempotency-Key: 8 to 128 visible characters, a new one for each request";
        let zh = "该操作需要请求头 X-Idempotency-Key：8 到 128 个可见字符，每个请求使用新的键";
        Self::new(Kind::Invalid, Code::InvalidIdempotencyKey, en, zh)
    }

    pub(crate) fn unsupported_version() -> Self {
        let en = "this service speaks version 1; leave Accept-Version out or send 1";
        Self::new(Kind::Invalid, Code::UnsupportedVersion, en, "本服务支持的版本为 1，请去掉 Accept-Version 或改为 1")
    }

    pub(crate) fn unknown_operation() -> Self {
        let en = "there is no such operation; /docs lists them all";
        Self::new(Kind::NotFound, Code::UnknownOperation, en, "没有这个接口，请查看 /docs")
    }

    pub(crate) fn not_sealed() -> Self {
        let en = "this transfer is under no seal yet; the books are sealed every few minutes";
        Self::new(Kind::NotFound, Code::UnknownAccount, en, "该笔记账尚未签章，账簿每隔几分钟签章一次")
    }

    pub(crate) fn wrong_method() -> Self {
        let en = "this address does not take that method; the header Allow says which it takes";
        Self::new(Kind::Invalid, Code::UnknownOperation, en, "该地址不支持此请求方法，请查看响应头 Allow")
    }

    pub(crate) fn not_signed_in() -> Self {
        let en = "nobody is signed in; send `Authorization: Bearer` with the token of a session or an API key";
        let zh = "尚未登录，请在 Authorization: Bearer 中携带会话令牌或 API 密钥";
        Self::new(Kind::Unauthenticated, Code::NotSignedIn, en, zh)
    }

    pub(crate) fn cross_site() -> Self {
        let en = "a change that is signed in by a cookie has to come from the shop's own pages";
        Self::new(Kind::Forbidden, Code::CrossSite, en, "以 Cookie 登录的修改请求必须来自本店页面")
    }

    pub(crate) fn too_many_requests(retry_after_s: u64) -> Self {
        let (en, zh) = ("too many requests; wait a moment", "请求过于频繁，请稍后再试");
        let problem = Self::new(Kind::Exhausted, Code::TooManyRequests, en, zh);
        Self { retry_after_s: Some(retry_after_s), ..problem }
    }

    pub(crate) fn overloaded() -> Self {
        let (en, zh) = ("the shop is very busy; try again in a moment", "店铺当前繁忙，请稍后重试");
        Self { retry_after_s: Some(1), ..Self::new(Kind::Unavailable, Code::Overloaded, en, zh) }
    }

    pub(crate) fn timed_out() -> Self {
        let en = "this took too long; ask how it stands, or send it again with the same idempotency key";
        Self::new(Kind::Timeout, Code::Overloaded, en, "处理超时，请查询结果，或使用同一幂等键重试")
    }

    pub(crate) fn internal(why: impl Into<String>) -> Self {
        Self::new(Kind::Internal, Code::Internal, why, "")
    }

    #[must_use]
    pub(crate) fn with_fields(self, fields: Vec<FieldFault>) -> Self {
        Self { fields, ..self }
    }

    fn status(&self) -> StatusCode {
        match (self.kind, self.code) {
            (_, Code::PayloadTooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            (Kind::Invalid, Code::UnknownOperation) => StatusCode::METHOD_NOT_ALLOWED,
            (Kind::Invalid, _) => StatusCode::BAD_REQUEST,
            (Kind::Unauthenticated, _) => StatusCode::UNAUTHORIZED,
            (Kind::Forbidden, _) => StatusCode::FORBIDDEN,
            (Kind::NotFound, _) => StatusCode::NOT_FOUND,
            (Kind::Exhausted, Code::TooManyRequests | Code::TooManyCodes | Code::SignInLocked) => {
                StatusCode::TOO_MANY_REQUESTS
            }
            (Kind::Conflict | Kind::Exhausted, _) => StatusCode::CONFLICT,
            (Kind::Unavailable, _) => StatusCode::SERVICE_UNAVAILABLE,
            (Kind::Timeout, _) => StatusCode::GATEWAY_TIMEOUT,
            (Kind::Internal, _) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Seconds after which the same request may succeed.
    fn retry_after_s(&self) -> Option<u64> {
        let usual = match self.status() {
            StatusCode::TOO_MANY_REQUESTS => Some(60),
            _ => self.kind.is_retryable().then_some(1),
        };
        self.retry_after_s.or(usual)
    }

    /// What the reader is told. Of what went wrong behind the counter they learn only what to do.
    fn message(&self, language: Language) -> String {
        let (en, zh) = match (self.kind, self.code) {
            (Kind::Internal, _) => (
                "something went wrong on our side; report it with the request id",
                "服务内部错误，请提供请求编号联系店铺",
            ),
            (Kind::Unavailable, Code::PaymentChannelUnavailable) => (
                "the payment channel does not answer; try again in a moment, nothing is paid twice",
                "支付渠道暂时没有响应，请稍后重试，不会重复扣款",
            ),
            (Kind::Unavailable, code) if (9000..9999).contains(&code.number()) => {
                ("the shop cannot reach its database; try again in a moment", "店铺暂时无法访问数据库，请稍后重试")
            }
            _ => (self.en.as_str(), self.zh.as_str()),
        };
        match language {
            Language::English => en.to_owned(),
            Language::Chinese => zh.to_owned(),
        }
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    /// The response for whoever asked.
    pub(crate) fn present(&self, language: Language, request_id: &str) -> Response {
        if self.kind == Kind::Internal {
            tracing::error!(code = self.code.number(), error = %self.en, "request failed");
        } else if self.status().is_server_error() {
            tracing::warn!(code = self.code.number(), error = %self.en, "request could not be served");
        }
        let field = |fault: &FieldFault| Field {
            field: fault.field.clone(),
            message: match language {
                Language::English => fault.en.clone(),
                Language::Chinese => fault.zh.clone(),
            },
        };
        let error = ErrorDetail {
            code: self.code.number(),
            name: self.code.name().to_owned(),
            message: self.message(language),
            request_id: request_id.to_owned(),
            retryable: self.retry_after_s().is_some(),
            fields: self.fields.iter().map(field).collect(),
        };
        let mut response = (self.status(), Json(ErrorBody { error })).into_response();
        if let Some(seconds) = self.retry_after_s() {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Left in the response for [`super::context::converse`], which knows the reader.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}

/// Every refusal has this body.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody {
    error: ErrorDetail,
}

#[derive(Serialize, ToSchema)]
struct ErrorDetail {
    /// Stable number: branch on this.
    #[schema(example = 1001)]
    code: u16,
    #[schema(example = "INSUFFICIENT_STOCK")]
    name: String,
    /// What happened and what to do about it, in the language of Accept-Language (zh or en).
    message: String,
    /// Quote this when you report a problem.
    request_id: String,
    /// Whether the same request may succeed if it is sent again, after Retry-After.
    retryable: bool,
    /// The parts of the request that are wrong, where they are known.
    fields: Vec<Field>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ErrorField)]
struct Field {
    #[schema(example = "items[0].qty")]
    field: String,
    message: String,
}

//! Why the sandbox does not do what it is asked, as its API says it.

use super::wire::{Reason, Refused, UNKNOWN};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use commerce_core::port::Forged;
use commerce_core::sandbox::Refusal;

#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("{0}; sign METHOD, PATH and BODY as the documentation says, with the secret of this sandbox")]
    Unsigned(#[from] Forged),
    #[error("there is no such {0}; check its number")]
    Unknown(&'static str),
    #[error("{0}")]
    Refused(Refusal),
    #[error("{0}")]
    Invalid(String),
    #[error("the sandbox was told to fail; ask again")]
    OnDemand,
    #[error("the sandbox was told not to answer; ask again")]
    TooLate,
    #[error("the journal cannot be written: {0}; make room and ask again")]
    Journal(std::io::Error),
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unheard => Self::Unknown("payment"),
            refusal => Self::Refused(refusal),
        }
    }
}

impl Problem {
    fn answer(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Unsigned(_) => (StatusCode::UNAUTHORIZED, "unsigned"),
            Self::Unknown(_) => (StatusCode::NOT_FOUND, UNKNOWN),
            Self::Refused(_) => (StatusCode::CONFLICT, "refused"),
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid"),
            Self::OnDemand | Self::Journal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "failed"),
            Self::TooLate => (StatusCode::GATEWAY_TIMEOUT, "failed"),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code) = self.answer();
        let error = Reason { code: code.to_owned(), message: self.to_string() };
        (status, Json(Refused { error })).into_response()
    }
}

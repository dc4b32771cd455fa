//! Signing in and out: the shop's people with a password, shoppers through their platform or their phone.

use super::caller::{Signed, Token, shop_named};
use super::customers::Customer;
use super::error::Problem;
use super::sign_in::PlatformError;
use super::staff::Member;
use super::wire::{Answer, Created, DONE, Done, Json, Time, created};
use super::{Cookies, DemoSignIn, Service};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use commerce_core::caller::Actor;
use commerce_core::id::Id;
use commerce_core::secret::Secret;
use commerce_core::shopper::ShopperSignedIn;
use commerce_core::tenant::TenantId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(send_phone_code))
        .routes(routes!(sign_in_shopper))
        .routes(routes!(who_am_i))
        .routes(routes!(change_own_password))
        .routes(routes!(begin_second_factor))
        .routes(routes!(confirm_second_factor))
}

/// How a client keeps what proves that it signed in.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum KeepAs {
    /// In the answer, for `Authorization: Bearer`.
    #[default]
    Token,
    /// In a cookie that scripts cannot read: for the shop's own pages.
    Cookie,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    #[schema(example = "owner", max_length = 40)]
    login: String,
    #[schema(example = "demo-owner-2026", max_length = 200)]
    password: String,
    /// Of the second factor, where there is one.
    #[schema(example = "123456")]
    code: Option<String>,
    #[serde(default)]
    keep_as: KeepAs,
}

#[derive(Serialize, ToSchema)]
struct StaffSession {
    /// Send it as `Authorization: Bearer`. Absent where it is kept in a cookie.
    token: Option<String>,
    expires_at: Time,
    member: Member,
}

/// Sign in as one of the shop's people.
#[utoipa::path(post, path = "/sessions", security(()), responses((status = 201, body = StaffSession)))]
async fn sign_in(
    State(service): State<Service>,
    headers: HeaderMap,
    Json(given): Json<Credentials>,
) -> Result<Response, Problem> {
    let tenant = shop_named(&headers, &service);
    let signed_in = service.shop.sign_in(tenant, &given.login, &given.password, given.code.as_deref()).await?;
    let (token, cookie) = kept(&service, given.keep_as, &signed_in.token);
    let session = StaffSession { token, expires_at: signed_in.expires_at.into(), member: signed_in.member.into() };
    Ok((StatusCode::CREATED, cookie, Json(session)).into_response())
}

/// The token for the answer, or the cookie for the browser.
fn kept(service: &Service, keep_as: KeepAs, token: &Secret) -> (Option<String>, HeaderMap) {
    let token = token.reveal();
    match keep_as {
        KeepAs::Token => (Some(token.to_owned()), HeaderMap::new()),
        KeepAs::Cookie => (None, set_cookie(service.config.cookies, token, "")),
    }
}

fn set_cookie(cookies: Cookies, token: &str, more: &str) -> HeaderMap {
    let secure = match cookies {
        Cookies::Secure => "; Secure",
        Cookies::Plain => "",
    };
    let name = cookies.name();
    let cookie = format!("{name}={token}; Path=/; HttpOnly; SameSite=Lax{secure}{more}");
    HeaderValue::from_str(&cookie).into_iter().map(|value| (header::SET_COOKIE, value)).collect()
}

/// Sign out: the token, or the cookie, is worth nothing from now on.
#[utoipa::path(delete, path = "/sessions/current", responses((status = 204)))]
async fn sign_out(State(service): State<Service>, Token(token): Token) -> Result<Response, Problem> {
    service.shop.sign_out(&token).await?;
    Ok((StatusCode::NO_CONTENT, set_cookie(service.config.cookies, "", "; Max-Age=0")).into_response())
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PhoneCodeRequest {
    #[schema(example = "13900004321", max_length = 24)]
    phone: String,
}

/// Send a code to a phone: once a minute, ten times a day.
#[utoipa::path(post, path = "/shopper-sessions/codes", security(()), responses((status = 204)))]
async fn send_phone_code(
    State(service): State<Service>,
    headers: HeaderMap,
    Json(given): Json<PhoneCodeRequest>,
) -> Done {
    let sender = service.outside.codes.as_ref().ok_or(PlatformError::NotOffered)?;
    let code = service.shop.phone_code(shop_named(&headers, &service), &given.phone).await?;
    sender.send(&given.phone, &code).await?;
    DONE
}

/// How a shopper proves who they are.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "by", rename_all = "snake_case", deny_unknown_fields)]
enum ShopperProof {
    /// The code that was sent to their phone.
    Phone {
        #[schema(example = "13900004321", max_length = 24)]
        phone: String,
        #[schema(example = "482913", max_length = 12)]
        code: String,
    },
    /// The code that their mini-program was given.
    Platform {
        #[schema(example = "wechat")]
        platform: String,
        #[schema(example = "0b1xYz", max_length = 256)]
        code: String,
    },
    /// None: in the demo shop anybody is let in as any customer.
    Demo {
        /// A customer's code.
        #[schema(example = "C0001")]
        customer: String,
    },
}

#[derive(Serialize, ToSchema)]
struct ShopperSession {
    /// Send it as `Authorization: Bearer`.
    token: String,
    expires_at: Time,
    customer: Customer,
}

/// Sign in as a shopper. Whoever is new becomes a customer.
#[utoipa::path(post, path = "/shopper-sessions", security(()), responses((status = 201, body = ShopperSession)))]
async fn sign_in_shopper(
    State(service): State<Service>,
    headers: HeaderMap,
    Json(proof): Json<ShopperProof>,
) -> Created<ShopperSession> {
    let tenant = shop_named(&headers, &service);
    let signed_in = match proof {
        ShopperProof::Phone { phone, code } => service.shop.sign_in_by_phone(tenant, &phone, &code).await?,
        ShopperProof::Platform { platform, code } => {
            let platform = service.outside.platforms.get(&platform).ok_or(PlatformError::NotOffered)?;
            let identity = platform.identify(&code).await?;
            service.shop.sign_in_by_platform(tenant, &identity).await?
        }
        ShopperProof::Demo { customer } => sign_in_as_demo(&service, tenant, &customer).await?,
    };
    let ShopperSignedIn { customer, token, expires_at } = signed_in;
    let token = token.reveal().to_owned();
    created(ShopperSession { token, expires_at: expires_at.into(), customer: customer.into() })
}

async fn sign_in_as_demo(service: &Service, tenant: TenantId, customer: &str) -> Result<ShopperSignedIn, Problem> {
    match &service.config.demo_sign_in {
        DemoSignIn::In(shop) if Id::derived("tenant", shop) == tenant => {
            Ok(service.shop.sign_in_as_demo(tenant, customer).await?)
        }
        _ => Err(PlatformError::NotOffered.into()),
    }
}

/// Whoever is signed in.
#[derive(Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Me {
    Shopper {
        customer: Customer,
    },
    /// One of the shop's people, or a program with a key (`key:key_…`).
    Staff {
        login: String,
        permissions: Vec<String>,
    },
}

/// Who is signed in, and what they may do.
#[utoipa::path(get, path = "/me", responses((status = 200, body = Me)))]
async fn who_am_i(State(service): State<Service>, Signed(caller): Signed) -> Answer<Me> {
    Ok(Json(match caller.actor {
        Actor::Shopper(id) => Me::Shopper { customer: service.shop.customer(&caller, id).await?.into() },
        Actor::Staff | Actor::System | Actor::Visitor => {
            Me::Staff { login: caller.who, permissions: caller.grants.iter().map(|one| one.to_string()).collect() }
        }
    }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    old_password: String,
    #[schema(min_length = 12, max_length = 200)]
    new_password: String,
}

/// Change your own password. You are signed out everywhere.
#[utoipa::path(put, path = "/me/password", responses((status = 204)))]
async fn change_own_password(
    State(service): State<Service>,
    Signed(caller): Signed,
    Json(given): Json<NewPassword>,
) -> Done {
    service.shop.change_password(&caller, &given.old_password, &given.new_password).await?;
    DONE
}

/// A new second factor: told this once, to be put into an authenticator app.
#[derive(Serialize, ToSchema)]
struct NewSecondFactor {
    secret: String,
    url: String,
}

/// Begin to set up a second factor.
#[utoipa::path(post, path = "/me/second-factor", responses((status = 201, body = NewSecondFactor)))]
async fn begin_second_factor(State(service): State<Service>, Signed(caller): Signed) -> Created<NewSecondFactor> {
    let factor = service.shop.begin_second_factor(&caller).await?;
    created(NewSecondFactor { secret: factor.secret.reveal().to_owned(), url: factor.url.reveal().to_owned() })
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct FactorCode {
    #[schema(example = "123456")]
    code: String,
}

/// Show a code of the new second factor: it counts from now on. Sign in again with it.
#[utoipa::path(post, path = "/me/second-factor/confirmation", responses((status = 204)))]
async fn confirm_second_factor(
    State(service): State<Service>,
    Signed(caller): Signed,
    Json(given): Json<FactorCode>,
) -> Done {
    service.shop.confirm_second_factor(&caller, &given.code).await?;
    DONE
}

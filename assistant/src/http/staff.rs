//! The shop's people and the keys of its programs.

use super::Service;
use super::caller::Signed;
use super::error::Problem;
use super::wire::{Answer, ApiKeyRef, Created, DONE, Done, Json, MemberRef, Page, Path, Time, created, word};
use axum::extract::State;
use commerce_core::permission::{Grants, Permission};
use commerce_core::staff;
use commerce_core::{IssuedKey as Issued, NewMember};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(list_staff, hire))
        .routes(routes!(dismiss))
        .routes(routes!(change_role))
        .routes(routes!(reset_password))
        .routes(routes!(drop_second_factor))
        .routes(routes!(list_keys, issue_key))
        .routes(routes!(revoke_key))
        .routes(routes!(rotate_key))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Member {
    id: MemberRef,
    login: String,
    name: String,
    /// `owner`, `manager`, `clerk`, `warehouse`, `finance`, `marketer` or `auditor`.
    role: String,
    /// `ACTIVE` or `DISMISSED`.
    state: String,
    has_second_factor: bool,
    created_at: Time,
}

impl From<staff::Member> for Member {
    fn from(one: staff::Member) -> Self {
        Self {
            id: one.id.into(),
            login: one.login,
            name: one.name,
            role: one.role.to_string(),
            state: one.state.to_string(),
            has_second_factor: one.has_second_factor,
            created_at: one.created_at.into(),
        }
    }
}

/// The shop's people.
#[utoipa::path(get, path = "/staff", responses((status = 200, body = Page<Member>)))]
async fn list_staff(State(service): State<Service>, Signed(caller): Signed) -> Answer<Page<Member>> {
    let members = service.shop.members(&caller).await?;
    Ok(Json(Page::whole(members.into_iter().map(Member::from))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Hiring {
    #[schema(example = "chen", pattern = "^[a-z0-9.-]{2,40}$")]
    login: String,
    #[schema(example = "陈晓", max_length = 60)]
    name: String,
    #[schema(example = "clerk")]
    role: String,
    /// Their first one; they had better change it.
    #[schema(min_length = 12, max_length = 200)]
    password: String,
}

/// Hire somebody.
#[utoipa::path(post, path = "/staff", responses((status = 201, body = Member)))]
async fn hire(State(service): State<Service>, Signed(caller): Signed, Json(new): Json<Hiring>) -> Created<Member> {
    let role = word(&new.role, "role")?;
    let new = NewMember { login: &new.login, name: &new.name, role, password: &new.password };
    created(service.shop.hire(&caller, new).await?.into())
}

/// Dismiss somebody. Their sessions and keys end at once.
#[utoipa::path(delete, path = "/staff/{member}", responses((status = 200, body = Member)))]
async fn dismiss(State(service): State<Service>, Signed(caller): Signed, Path(id): Path<String>) -> Answer<Member> {
    Ok(Json(service.shop.dismiss(&caller, id.parse()?).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RoleChange {
    #[schema(example = "manager")]
    role: String,
}

/// Give somebody another role.
#[utoipa::path(put, path = "/staff/{member}/role", responses((status = 200, body = Member)))]
async fn change_role(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(change): Json<RoleChange>,
) -> Answer<Member> {
    Ok(Json(service.shop.change_role(&caller, id.parse()?, word(&change.role, "role")?).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordReset {
    #[schema(min_length = 12, max_length = 200)]
    password: String,
}

/// Give somebody else a new password.
#[utoipa::path(put, path = "/staff/{member}/password", responses((status = 200, body = Member)))]
async fn reset_password(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(reset): Json<PasswordReset>,
) -> Answer<Member> {
    Ok(Json(service.shop.reset_password(&caller, id.parse()?, &reset.password).await?.into()))
}

/// Drop somebody's second factor, whose phone is lost.
#[utoipa::path(delete, path = "/staff/{member}/second-factor", responses((status = 200, body = Member)))]
async fn drop_second_factor(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Member> {
    Ok(Json(service.shop.drop_second_factor(&caller, id.parse()?).await?.into()))
}

#[derive(Serialize, ToSchema)]
struct ApiKey {
    id: ApiKeyRef,
    name: String,
    /// The last letters of its text.
    tail: String,
    permissions: Vec<String>,
    made_by: String,
    created_at: Time,
    expires_at: Time,
    revoked_at: Option<Time>,
}

impl From<staff::ApiKey> for ApiKey {
    fn from(one: staff::ApiKey) -> Self {
        Self {
            id: one.id.into(),
            name: one.name,
            tail: one.tail,
            permissions: one.grants.iter().map(|permission| permission.to_string()).collect(),
            made_by: one.made_by,
            created_at: one.created_at.into(),
            expires_at: one.expires_at.into(),
            revoked_at: one.revoked_at.map(Time::from),
        }
    }
}

/// The shop's keys.
#[utoipa::path(get, path = "/keys", responses((status = 200, body = Page<ApiKey>)))]
async fn list_keys(State(service): State<Service>, Signed(caller): Signed) -> Answer<Page<ApiKey>> {
    let keys = service.shop.keys(&caller).await?;
    Ok(Json(Page::whole(keys.into_iter().map(ApiKey::from))))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewKey {
    #[schema(example = "仓库系统", max_length = 80)]
    name: String,
    /// No more than you have yourself.
    #[schema(example = json!(["orders:read", "parcels:write"]))]
    permissions: Vec<String>,
    #[schema(minimum = 1, maximum = 730)]
    days: u32,
}

/// A key and its text, which is told this once.
#[derive(Serialize, ToSchema)]
struct IssuedKey {
    key: ApiKey,
    /// Send it as `Authorization: Bearer`.
    text: String,
}

impl From<Issued> for IssuedKey {
    fn from(issued: Issued) -> Self {
        Self { key: issued.key.into(), text: issued.text.reveal().to_owned() }
    }
}

/// Issue a key for a program.
#[utoipa::path(post, path = "/keys", responses((status = 201, body = IssuedKey)))]
async fn issue_key(
    State(service): State<Service>,
    Signed(caller): Signed,
    Json(new): Json<NewKey>,
) -> Created<IssuedKey> {
    let grants = new.permissions.iter().map(|text| word::<Permission>(text, "permissions"));
    let grants = grants.collect::<Result<Grants, Problem>>()?;
    created(service.shop.issue_key(&caller, &new.name, grants, new.days).await?.into())
}

/// End a key now.
#[utoipa::path(delete, path = "/keys/{key}", responses((status = 204)))]
async fn revoke_key(State(service): State<Service>, Signed(caller): Signed, Path(id): Path<String>) -> Done {
    service.shop.revoke_key(&caller, id.parse()?).await?;
    DONE
}

/// Give a key a new text. The old one ends at once.
#[utoipa::path(post, path = "/keys/{key}/rotation", responses((status = 201, body = IssuedKey)))]
async fn rotate_key(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Created<IssuedKey> {
    created(service.shop.rotate_key(&caller, id.parse()?).await?.into())
}

//! Marketing rules and coupons.

use super::Service;
use super::caller::{Signed, named};
use super::error::{FieldFault, Problem};
use super::wire::{Answer, Created, CustomerRef, DONE, Done, Json, Page, Path, Ref, Time, created};
use axum::extract::State;
use commerce_core::error::{Failure, Language};
use commerce_core::rules::{self, RuleError, RuleVersion};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::new()
        .routes(routes!(list_rules, publish_rule))
        .routes(routes!(get_rule_history, withdraw_rule))
        .routes(routes!(roll_back_rule))
        .routes(routes!(make_coupons))
        .routes(routes!(list_coupons))
}

#[derive(Serialize, ToSchema)]
struct Rule {
    rule_id: String,
    version: i64,
    /// `ACTIVE` or `WITHDRAWN`.
    state: String,
    title_zh: String,
    title_en: String,
    /// The rule as it was published; its schema is `docs/rule.schema.json`.
    #[schema(value_type = Object)]
    document: Value,
    created_at: Time,
}

impl From<RuleVersion> for Rule {
    fn from(one: RuleVersion) -> Self {
        let title = one.rule.title();
        Self {
            rule_id: one.rule.rule_id().to_owned(),
            version: one.version,
            state: one.state.to_string(),
            title_zh: title.zh.clone(),
            title_en: title.en.clone(),
            document: serde_json::from_str(&one.rule.to_json()).unwrap_or_default(),
            created_at: one.created_at.into(),
        }
    }
}

/// The rules in force.
#[utoipa::path(get, path = "/rules", responses((status = 200, body = Page<Rule>)))]
async fn list_rules(State(service): State<Service>, Signed(caller): Signed) -> Answer<Page<Rule>> {
    let rules = service.shop.rules(&caller).await?;
    Ok(Json(Page::whole(rules.into_iter().map(Rule::from))))
}

/// Publish a rule, or a new version of one. Its faults are listed with their places.
#[utoipa::path(post, path = "/rules", request_body(content = Object), responses((status = 201, body = Rule)))]
async fn publish_rule(
    State(service): State<Service>,
    Signed(caller): Signed,
    Json(document): Json<Value>,
) -> Created<Rule> {
    match service.shop.publish_rule(&caller, &document.to_string()).await {
        Ok(version) => created(version.into()),
        Err(error) => Err(faulty(error)),
    }
}

fn faulty(error: RuleError) -> Problem {
    let fields = match &error {
        RuleError::Faulty(faults) => faults
            .iter()
            .map(|fault| FieldFault {
                field: fault.path.clone(),
                en: fault.message(Language::English),
                zh: fault.message(Language::Chinese),
            })
            .collect(),
        _ => Vec::new(),
    };
    Problem::from(error).with_fields(fields)
}

/// Every version of a rule, the newest first.
#[utoipa::path(get, path = "/rules/{rule}", responses((status = 200, body = Page<Rule>)))]
async fn get_rule_history(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Page<Rule>> {
    let versions = service.shop.rule_history(&caller, &id).await?;
    Ok(Json(Page::whole(versions.into_iter().map(Rule::from))))
}

/// Withdraw a rule: it counts no more.
#[utoipa::path(delete, path = "/rules/{rule}", responses((status = 204)))]
async fn withdraw_rule(State(service): State<Service>, Signed(caller): Signed, Path(id): Path<String>) -> Done {
    service.shop.withdraw_rule(&caller, &id).await?;
    DONE
}

/// Take a rule back to the version before.
#[utoipa::path(post, path = "/rules/{rule}/rollback", responses((status = 200, body = Rule)))]
async fn roll_back_rule(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
) -> Answer<Rule> {
    Ok(Json(service.shop.roll_back_rule(&caller, &id).await?.into()))
}

#[derive(Serialize, ToSchema)]
pub(super) struct Coupon {
    code: String,
    rule_id: String,
    /// Absent where it is for whoever has the code.
    customer: Option<CustomerRef>,
    /// `UNUSED` or `USED`.
    state: String,
}

impl From<rules::Coupon> for Coupon {
    fn from(one: rules::Coupon) -> Self {
        Self {
            code: one.code,
            rule_id: one.rule_id,
            customer: one.customer.map(Ref::from),
            state: one.state.to_string(),
        }
    }
}

/// For whom coupons are.
#[derive(Deserialize, ToSchema)]
#[serde(tag = "for", rename_all = "snake_case", deny_unknown_fields)]
enum CouponRequest {
    /// One for each of them.
    Customers {
        #[schema(min_items = 1, max_items = 1000)]
        customers: Vec<CustomerRef>,
    },
    /// So many for whoever has the code.
    Anybody {
        #[schema(minimum = 1, maximum = 1000)]
        count: usize,
    },
}

/// Give away coupons of a rule.
#[utoipa::path(post, path = "/rules/{rule}/coupons", responses((status = 201, body = Page<Coupon>)))]
async fn make_coupons(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(id): Path<String>,
    Json(request): Json<CouponRequest>,
) -> Created<Page<Coupon>> {
    let coupons = match request {
        CouponRequest::Customers { customers } => {
            let customers: Vec<_> = customers.iter().map(|customer| customer.0).collect();
            service.shop.grant_coupons(&caller, &id, &customers).await?
        }
        CouponRequest::Anybody { count } => service.shop.print_coupons(&caller, &id, count).await?,
    };
    created(Page::whole(coupons.into_iter().map(Coupon::from)))
}

/// The coupons of a customer.
#[utoipa::path(get, path = "/customers/{customer}/coupons", responses((status = 200, body = Page<Coupon>)))]
async fn list_coupons(
    State(service): State<Service>,
    Signed(caller): Signed,
    Path(customer): Path<String>,
) -> Answer<Page<Coupon>> {
    let coupons = service.shop.coupons(&caller, named(&caller, &customer)?).await?;
    Ok(Json(Page::whole(coupons.into_iter().map(Coupon::from))))
}

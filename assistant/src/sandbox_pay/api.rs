//! The signed API for merchants, and the unsigned control for whoever tests them.

use super::company::Company;
use super::journal::Step;
use super::problem::Problem;
use super::wire::{self, NewPayment, NewRefund, Reply};
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use commerce_core::money::Money;
use commerce_core::port::Forged;
use commerce_core::sandbox::wire::{SIGNATURE, TIMESTAMP};
use commerce_core::sandbox::{self, Charge, ChargeState, Complaint, Fault, Op, Provider, Return, Verdict};
use commerce_core::time::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// No request is longer.
const BYTES_MOST: usize = 64 * 1024;
const CHARS_MOST: usize = 200;

pub(super) fn routes() -> Router<Company> {
    Router::new()
        .route(wire::PAYMENTS, post(create))
        .route("/v1/payments/{trade_no}", get(query))
        .route("/v1/payments/{trade_no}/close", post(close))
        .route(wire::REFUNDS, post(refund))
        .route("/v1/refunds/{refund_no}", get(query_refund))
        .route(wire::DISPUTES, get(disputes))
        .route("/v1/disputes/{dispute_no}/answer", post(answer))
        .route("/v1/statements/{day}", get(statement))
        .route("/disputes", post(complain))
        .route("/disputes/{dispute_no}/decision", post(decide))
        .route("/faults", post(misbehave).delete(behave))
}

/// The body of a request that the merchant signed just now.
struct Signed(String);

impl FromRequest<Company> for Signed {
    type Rejection = Problem;

    async fn from_request(request: Request, company: &Company) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, BYTES_MOST).await.map_err(|_| too_long())?;
        let body = String::from_utf8(body.into()).map_err(|_| Problem::Invalid("send the body as UTF-8".to_owned()))?;
        let path = parts.uri.path_and_query().map_or(parts.uri.path(), |path| path.as_str());
        let request = wire::to_sign(parts.method.as_str(), path, &body);
        let (timestamp, signature) = (header(&parts.headers, TIMESTAMP)?, header(&parts.headers, SIGNATURE)?);
        company.look(|provider| provider.keys().believes(&request, timestamp, signature, company.now()))?;
        Ok(Self(body))
    }
}

impl Signed {
    fn read<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        serde_json::from_str(&self.0).map_err(|error| Problem::Invalid(format!("the body cannot be read: {error}")))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Problem> {
    headers.get(name).and_then(|value| value.to_str().ok()).ok_or(Problem::Unsigned(Forged::Signature))
}

fn too_long() -> Problem {
    Problem::Invalid(format!("a request has at most {BYTES_MOST} bytes; send less"))
}

async fn create(State(company): State<Company>, signed: Signed) -> Result<Json<wire::Payment>, Problem> {
    let payment: NewPayment = signed.read()?;
    check(&payment)?;
    let created = company.ask(Op::Create, |books, now| {
        let trade_no = payment.trade_no.clone();
        books.take(Step::Create(payment), now)?;
        books.provider.charge(&trade_no).cloned().ok_or(Problem::Unknown("payment"))
    });
    Ok(Json(shown(&company, &created.await?)))
}

fn check(payment: &NewPayment) -> Result<(), Problem> {
    let is_number = |no: &str| {
        (1..=64).contains(&no.len()) && no.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    };
    let is_address = |url: &str| url.is_empty() || url.starts_with("http://") || url.starts_with("https://");
    let invalid = |what: &str| Err(Problem::Invalid(what.to_owned()));
    if !is_number(&payment.trade_no) {
        invalid("trade_no is 1 to 64 letters, digits, hyphens and underscores")
    } else if payment.amount.minor() <= 0 {
        invalid("amount is above zero")
    } else if payment.description.chars().count() > CHARS_MOST {
        invalid("description has at most 200 characters")
    } else if !is_address(&payment.notify_url) {
        invalid("notify_url begins with http:// or https://, or is empty")
    } else {
        Ok(())
    }
}

async fn query(
    State(company): State<Company>,
    Path(trade_no): Path<String>,
    _: Signed,
) -> Result<Json<wire::Payment>, Problem> {
    let found =
        company.ask(Op::Query, |books, _| books.provider.charge(&trade_no).cloned().ok_or(Problem::Unknown("payment")));
    Ok(Json(shown(&company, &found.await?)))
}

async fn close(
    State(company): State<Company>,
    Path(trade_no): Path<String>,
    _: Signed,
) -> Result<Json<wire::Payment>, Problem> {
    let closed = company.ask(Op::Close, |books, now| {
        books.take(Step::Close { trade_no: trade_no.clone() }, now)?;
        books.provider.charge(&trade_no).cloned().ok_or(Problem::Unknown("payment"))
    });
    Ok(Json(shown(&company, &closed.await?)))
}

async fn refund(State(company): State<Company>, signed: Signed) -> Result<Json<wire::Refund>, Problem> {
    let refund: NewRefund = signed.read()?;
    let refund_no = refund.refund_no.clone();
    let done = company.ask(Op::Refund, |books, now| {
        books.take(Step::Refund(refund), now)?;
        books.provider.returned(&refund_no).cloned().ok_or(Problem::Unknown("refund"))
    });
    Ok(Json(shown_refund(done.await?)))
}

async fn query_refund(
    State(company): State<Company>,
    Path(refund_no): Path<String>,
    _: Signed,
) -> Result<Json<wire::Refund>, Problem> {
    let found = company.ask(Op::QueryRefund, |books, _| {
        books.provider.returned(&refund_no).cloned().ok_or(Problem::Unknown("refund"))
    });
    Ok(Json(shown_refund(found.await?)))
}

/// `?since=1795000000000000`, in microseconds
#[derive(Deserialize)]
struct Since {
    since: i64,
}

async fn disputes(
    State(company): State<Company>,
    Query(Since { since }): Query<Since>,
    _: Signed,
) -> Result<Json<Vec<wire::Dispute>>, Problem> {
    let found = company.ask(Op::QueryDisputes, |books, _| {
        let complaints = books.provider.complaints_since(Timestamp::from_micros(since));
        Ok(complaints.cloned().map(shown_dispute).collect())
    });
    Ok(Json(found.await?))
}

async fn answer(
    State(company): State<Company>,
    Path(dispute_no): Path<String>,
    signed: Signed,
) -> Result<Json<wire::Dispute>, Problem> {
    let reply: Reply = signed.read()?;
    let answered = company.ask(Op::AnswerDispute, |books, now| {
        books.take(Step::Answer { dispute_no: dispute_no.clone(), reply }, now)?;
        complaint(&books.provider, &dispute_no)
    });
    Ok(Json(answered.await?))
}

fn complaint(provider: &Provider, dispute_no: &str) -> Result<wire::Dispute, Problem> {
    provider.complaint(dispute_no).cloned().map(shown_dispute).ok_or(Problem::Unknown("dispute"))
}

async fn statement(
    State(company): State<Company>,
    Path(day): Path<String>,
    _: Signed,
) -> Result<impl IntoResponse, Problem> {
    let from = sandbox::start_of(&day).ok_or(Problem::Invalid("a day looks like 20261121".to_owned()))?;
    let page = company.look(|provider| provider.statement(from));
    Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], page))
}

fn shown(company: &Company, charge: &Charge) -> wire::Payment {
    wire::Payment {
        trade_no: charge.trade_no.clone(),
        channel_no: charge.channel_no.clone(),
        merchant: company.look(|provider| provider.merchant().to_owned()),
        amount: charge.amount,
        description: charge.description.clone(),
        state: charge.state.to_string(),
        expires_at: charge.expires_at,
        paid_at: (charge.state == ChargeState::Paid).then_some(charge.paid_at),
        pay_url: company.pay_url(charge),
    }
}

fn shown_refund(back: Return) -> wire::Refund {
    wire::Refund {
        refund_no: back.refund_no,
        trade_no: back.trade_no,
        channel_no: back.channel_no,
        amount: back.amount,
        done_at: back.done_at,
        failure: back.failure,
    }
}

fn shown_dispute(complaint: Complaint) -> wire::Dispute {
    wire::Dispute {
        dispute_no: complaint.dispute_no,
        trade_no: complaint.trade_no,
        amount: complaint.amount,
        reason: complaint.reason,
        due_at: complaint.due_at,
        state: complaint.state.to_string(),
    }
}

/// `{"trade_no": "pay_…", "amount": "12.50", "reason": "goods never came"}`: without an amount, all that is left.
#[derive(Deserialize)]
struct Claimed {
    trade_no: String,
    amount: Option<String>,
    #[serde(default)]
    reason: String,
}

/// A buyer asks for money back, as their bank would pass it on.
async fn complain(
    State(company): State<Company>,
    Json(claimed): Json<Claimed>,
) -> Result<Json<wire::Dispute>, Problem> {
    let Claimed { trade_no, amount, reason } = claimed;
    let left = company.look(|provider| provider.charge(&trade_no).map(|charge| provider.left(charge)));
    let left = left.ok_or(Problem::Unknown("payment"))?;
    let amount = amount.map_or(Ok(left), |text| Money::parse(&text, left.currency()));
    let amount = amount.map_err(|error| Problem::Invalid(error.to_string()))?;
    let reason: String = reason.chars().take(CHARS_MOST).collect();
    company.take(Step::Complain { trade_no: trade_no.clone(), amount, reason })?;
    let newest = company.look(|provider| provider.complaints().filter(|one| one.trade_no == trade_no).last().cloned());
    newest.map(shown_dispute).map(Json).ok_or(Problem::Unknown("dispute"))
}

/// `{"verdict": "buyer_wins"}` or `merchant_wins`
#[derive(Deserialize)]
struct Decision {
    verdict: Verdict,
}

async fn decide(
    State(company): State<Company>,
    Path(dispute_no): Path<String>,
    Json(decision): Json<Decision>,
) -> Result<Json<wire::Dispute>, Problem> {
    company.look(|provider| complaint(provider, &dispute_no))?;
    company.take(Step::Decide { dispute_no: dispute_no.clone(), verdict: decision.verdict })?;
    company.look(|provider| complaint(provider, &dispute_no)).map(Json)
}

/// `{"op": "notify", "faults": ["duplicate", "silent"]}`
#[derive(Deserialize)]
struct Misbehaviour {
    op: String,
    faults: Vec<String>,
}

async fn misbehave(State(company): State<Company>, Json(asked): Json<Misbehaviour>) -> Result<Response, Problem> {
    let op = super::op(&asked.op).map_err(Problem::Invalid)?;
    let faults: Result<Vec<Fault>, String> = asked.faults.iter().map(|word| super::fault(word)).collect();
    company.misbehave(op, faults.map_err(Problem::Invalid)?);
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn behave(State(company): State<Company>) -> StatusCode {
    company.behave();
    StatusCode::NO_CONTENT
}

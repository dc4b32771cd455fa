//! Where the shopper pays: one small page for a phone.

use super::company::Company;
use super::html::{amount, both, escape, page};
use super::journal::Step;
use super::problem::Problem;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use commerce_core::sandbox::{Charge, ChargeState};
use commerce_core::time::{MINUTE, Timestamp};

pub(super) fn routes() -> Router<Company> {
    Router::new().route("/pay/{trade_no}", get(show).post(pay)).route("/pay/{trade_no}/cancel", post(cancel))
}

async fn show(State(company): State<Company>, Path(trade_no): Path<String>) -> Response {
    respond(&company, &trade_no, StatusCode::OK)
}

async fn pay(State(company): State<Company>, Path(trade_no): Path<String>) -> Response {
    let done = company.take(Step::Pay { trade_no: trade_no.clone() });
    respond(&company, &trade_no, status(&done))
}

/// The shopper does not want to pay this after all.
async fn cancel(State(company): State<Company>, Path(trade_no): Path<String>) -> Response {
    let done = company.take(Step::Close { trade_no: trade_no.clone() });
    respond(&company, &trade_no, status(&done))
}

fn status(done: &Result<(), Problem>) -> StatusCode {
    match done {
        Ok(()) => StatusCode::OK,
        Err(Problem::Journal(_)) => StatusCode::INTERNAL_SERVER_ERROR,
        Err(_) => StatusCode::CONFLICT,
    }
}

/// However it came to that: the page says how the payment stands.
fn respond(company: &Company, trade_no: &str, status: StatusCode) -> Response {
    match company.look(|provider| provider.charge(trade_no).cloned()) {
        None => (StatusCode::NOT_FOUND, unknown()).into_response(),
        Some(charge) => (status, payment(&charge, company.now())).into_response(),
    }
}

fn payment(charge: &Charge, now: Timestamp) -> Html<String> {
    match charge.state {
        ChargeState::Open if charge.expires_at <= now => result(
            charge,
            "!",
            ("支付已超时", "The time to pay is over"),
            ("请回到店铺重新下单", "Go back to the shop"),
        ),
        ChargeState::Open => open(charge, now),
        ChargeState::Paid => result(charge, "✓", ("支付成功", "Paid"), ("可以关闭此页面", "You can close this page")),
        ChargeState::Closed => {
            result(charge, "×", ("支付已关闭", "This payment is closed"), ("没有扣款", "Nothing was charged"))
        }
    }
}

fn open(charge: &Charge, now: Timestamp) -> Html<String> {
    let minutes = (charge.expires_at.micros() - now.micros()) / MINUTE + 1;
    let main = format!(
        r#"<section>
<h1>{title}</h1>
<p class="amount">{amount}</p>
<dl>{about}</dl>
</section>
<form method="post" action="/pay/{no}">
<button>{confirm}</button>
<button class="quiet" formaction="/pay/{no}/cancel">{cancel}</button>
</form>
<footer><p>{hint}</p></footer>"#,
        title = both("待支付", "To pay"),
        amount = amount(charge.amount),
        about = about(charge),
        no = escape(&charge.trade_no),
        confirm = both("确认支付", "Pay now"),
        cancel = both("取消", "Cancel"),
        hint = both(&format!("请在 {minutes} 分钟内完成支付"), &format!("within {minutes} min")),
    );
    page("确认支付 · Pay", "pay", &main)
}

fn result(charge: &Charge, mark: &str, what: (&str, &str), next: (&str, &str)) -> Html<String> {
    let class = if charge.state == ChargeState::Paid { "mark paid" } else { "mark" };
    let main = format!(
        r#"<section>
<div class="{class}" aria-hidden="true">{mark}</div>
<h1>{title}</h1>
<p class="amount">{amount}</p>
<dl>{about}</dl>
</section>
<footer><p>{next}</p></footer>"#,
        title = both(what.0, what.1),
        amount = amount(charge.amount),
        about = about(charge),
        next = both(next.0, next.1),
    );
    page(&format!("{} · {}", what.0, what.1), "pay", &main)
}

fn about(charge: &Charge) -> String {
    let rows = [("订单", "For", &charge.description), ("交易单号", "Reference", &charge.channel_no)];
    rows.iter().map(|(zh, en, text)| format!("<div><dt>{}</dt><dd>{}</dd></div>", both(zh, en), escape(text))).collect()
}

fn unknown() -> Html<String> {
    let title = both("没有这笔支付", "There is no such payment");
    let hint = both("请回到店铺重新打开支付页面", "Open the payment page again from the shop");
    page(
        "没有这笔支付 · Not found",
        "pay",
        &format!(
            r#"<section><div class="mark" aria-hidden="true">?</div><h1>{title}</h1></section><footer><p>{hint}</p></footer>"#
        ),
    )
}

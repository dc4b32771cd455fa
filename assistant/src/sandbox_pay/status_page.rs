//! What the sandbox has in its books, at a glance.

use super::company::Company;
use super::html::{both, escape, page};
use axum::extract::State;
use axum::response::Html;
use commerce_core::sandbox::{Provider, Return};

/// Rows of a table; more are only counted.
const ROWS_MOST: usize = 100;

pub(super) async fn show(State(company): State<Company>) -> Html<String> {
    let main = company
        .look(|provider| [charges(provider), refunds(provider), disputes(provider), undelivered(provider)].concat());
    page("掌柜沙箱支付 · Sandbox", "wide", &main)
}

fn charges(provider: &Provider) -> String {
    let rows: Vec<[String; 6]> = provider
        .charges()
        .map(|charge| {
            let no = escape(&charge.trade_no);
            [
                format!(r#"<td><a href="/pay/{no}">{no}</a></td>"#),
                cell(&charge.channel_no),
                cell(&charge.state.to_string()),
                number(&charge.amount.to_string()),
                cell(&charge.description),
                cell(&charge.expires_at.to_string()),
            ]
        })
        .collect();
    table(("支付", "Payments"), ["payment", "number here", "state", "amount", "for", "pay until"], rows)
}

fn refunds(provider: &Provider) -> String {
    let state = |back: &Return| if back.failure.is_empty() { "DONE".to_owned() } else { back.failure.clone() };
    let rows: Vec<[String; 6]> = provider
        .returns()
        .map(|back| {
            [
                cell(&back.refund_no),
                cell(&back.channel_no),
                cell(&state(back)),
                number(&back.amount.to_string()),
                cell(&back.trade_no),
                cell(&back.done_at.to_string()),
            ]
        })
        .collect();
    table(("退款", "Refunds"), ["refund", "number here", "state", "amount", "of payment", "done at"], rows)
}

fn disputes(provider: &Provider) -> String {
    let rows: Vec<[String; 6]> = provider
        .complaints()
        .map(|complaint| {
            [
                cell(&complaint.dispute_no),
                cell(&complaint.state.to_string()),
                number(&complaint.amount.to_string()),
                cell(&complaint.reason),
                cell(&complaint.trade_no),
                cell(&complaint.due_at.to_string()),
            ]
        })
        .collect();
    table(("争议", "Disputes"), ["dispute", "state", "amount", "reason", "of payment", "answer until"], rows)
}

fn undelivered(provider: &Provider) -> String {
    let rows: Vec<[String; 6]> = provider
        .undelivered()
        .map(|waiting| {
            [
                cell(&waiting.event.event_id),
                cell(&waiting.event.no),
                cell(&waiting.url),
                number(&waiting.event.amount.to_string()),
                number(&waiting.tries.to_string()),
                cell(&waiting.due.to_string()),
            ]
        })
        .collect();
    table(("待送达通知", "Notifications on their way"), ["event", "about", "to", "amount", "tries", "next"], rows)
}

fn cell(text: &str) -> String {
    format!("<td>{}</td>", escape(text))
}

fn number(text: &str) -> String {
    format!(r#"<td class="number">{}</td>"#, escape(text))
}

/// The newest rows first: they come in the order of their numbers, which begin with the time.
fn table<const N: usize>(title: (&str, &str), heads: [&str; N], rows: Vec<[String; N]>) -> String {
    let count = rows.len();
    let heads: String = heads.iter().map(|head| format!("<th>{head}</th>")).collect();
    let body: String =
        rows.into_iter().rev().take(ROWS_MOST).map(|row| format!("<tr>{}</tr>\n", row.concat())).collect();
    let title = both(&format!("{} {count}", title.0), title.1);
    format!(r#"<section><h2>{title}</h2><div class="scroll"><table><tr>{heads}</tr>{body}</table></div></section>"#)
}

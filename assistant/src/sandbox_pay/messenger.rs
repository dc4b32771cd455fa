//! Tells merchants what happened, until they answer.

use super::company::Company;
use super::journal::Step;
use commerce_core::sandbox::Delivery;

/// For as long as the sandbox is open.
pub(super) async fn tell_merchants(company: Company, client: reqwest::Client) {
    loop {
        for delivery in company.due() {
            // A merchant that is slow to answer must not hold up the others.
            tokio::spawn(tell(company.clone(), client.clone(), delivery));
        }
        company.news().await;
    }
}

async fn tell(company: Company, client: reqwest::Client, delivery: Delivery) {
    let Delivery { event_id, url, message, .. } = delivery;
    if url.is_empty() || is_heard(client, &url, message).await {
        // Should the journal be full, the merchant is told once more after a restart, which does no harm.
        drop(company.take(Step::Told { event_id }));
    }
}

async fn is_heard(client: reqwest::Client, url: &str, message: commerce_core::port::RawNotification) -> bool {
    let mut request = client.post(url).header("content-type", "application/json");
    for (name, value) in message.headers {
        request = request.header(name, value);
    }
    let answer = request.body(message.body).send().await;
    answer.is_ok_and(|answer| answer.status() == reqwest::StatusCode::OK)
}

//! The sandbox as a channel of a shop, over HTTP.

use crate::outgoing;
use crate::sandbox_pay::Agreement;
use crate::sandbox_pay::wire::{
    self, DISPUTES, NewPayment, NewRefund, PAYMENTS, REFUNDS, Refused, Reply, STATEMENTS, UNKNOWN,
};
use crate::trouble::Trouble;
use commerce_core::money::Rate;
use commerce_core::payment::{PaymentId, RefundId};
use commerce_core::port::{
    Answer, ChannelError, Claim, DisputeReply, DisputeStanding, FeeOnRefund, Forged, Notification, PaymentChannel,
    PaymentRequest, RawNotification, Receipt, RefundRequest, RefundStanding, Standing, Started, Terms,
};
use commerce_core::sandbox::wire::{MerchantKeys, keys_from};
use commerce_core::sandbox::{ChargeState, ComplaintState, SANDBOX};
use commerce_core::time::{Clock, SystemClock, Timestamp};
use reqwest::{Method, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

pub(crate) struct HttpSandbox {
    terms: Terms,
    keys: MerchantKeys,
    /// Without a slash at its end.
    url: String,
    notify_url: String,
    client: reqwest::Client,
}

impl HttpSandbox {
    pub(crate) fn new(url: &str, agreement: &Agreement, notify_url: &str, timeout: Duration) -> Result<Self, Trouble> {
        let terms = Terms {
            code: SANDBOX.to_owned(),
            merchant: agreement.merchant.clone(),
            fee: Rate::from_basis_points(agreement.fee_bp),
            fee_on_refund: FeeOnRefund::Kept,
        };
        let (_, keys) = keys_from(&agreement.secret);
        let client = outgoing::patient(timeout)?;
        let (url, notify_url) = (url.trim_end_matches('/').to_owned(), notify_url.to_owned());
        Ok(Self { terms, keys, url, notify_url, client })
    }

    async fn get(&self, path: &str) -> Result<Option<String>, ChannelError> {
        self.ask(Method::GET, path, String::new()).await
    }

    async fn post(&self, path: &str, body: &impl Serialize) -> Result<Option<String>, ChannelError> {
        let body = serde_json::to_string(body).map_err(|error| ChannelError::Refused(error.to_string()))?;
        self.ask(Method::POST, path, body).await
    }

    /// The body of the answer; none if the sandbox has never heard of what was asked about.
    async fn ask(&self, method: Method, path: &str, body: String) -> Result<Option<String>, ChannelError> {
        let request = wire::to_sign(method.as_str(), path, &body);
        let mut asked = self.client.request(method, format!("{}{path}", self.url));
        for (name, value) in self.keys.sign_request(&request, SystemClock.now()) {
            asked = asked.header(name, value);
        }
        let answer = asked.body(body).send().await.map_err(|error| self.no_answer(&error))?;
        let status = answer.status();
        let text = answer.text().await.map_err(|error| self.no_answer(&error))?;
        if status.is_success() { Ok(Some(text)) } else { refusal(status, &text) }
    }

    fn no_answer(&self, error: &reqwest::Error) -> ChannelError {
        ChannelError::NoAnswer(if error.is_timeout() {
            "it took too long".to_owned()
        } else if error.is_connect() {
            format!("nobody listens at {}; start `zhanggui sandbox-pay` or give another --sandbox-url", self.url)
        } else {
            error.to_string()
        })
    }
}

/// What an answer means that is not the one that was asked for. Only a no that the sandbox itself gives is a no.
fn refusal(status: StatusCode, text: &str) -> Result<Option<String>, ChannelError> {
    let Ok(Refused { error }) = serde_json::from_str(text) else {
        return Err(ChannelError::NoAnswer(format!("{status}, and not from a sandbox; check --sandbox-url")));
    };
    match status {
        StatusCode::NOT_FOUND if error.code == UNKNOWN => Ok(None),
        // A wrong secret or clock is ours to mend: nothing is given up for it.
        StatusCode::UNAUTHORIZED => Err(ChannelError::NoAnswer(format!("signature: {}", error.message))),
        status if status.is_client_error() => Err(ChannelError::Refused(error.message)),
        status => Err(ChannelError::NoAnswer(format!("{status}: {}", error.message))),
    }
}

fn read<T: DeserializeOwned>(text: &str) -> Result<T, ChannelError> {
    serde_json::from_str(text).map_err(|error| ChannelError::NoAnswer(format!("unreadable: {error}")))
}

fn standing(answer: Option<String>) -> Result<Standing, ChannelError> {
    let Some(text) = answer else { return Ok(Standing::Unheard) };
    let payment: wire::Payment = read(&text)?;
    let unreadable = |_| ChannelError::NoAnswer(format!("unreadable: state {:?}", payment.state));
    Ok(match payment.state.parse().map_err(unreadable)? {
        ChargeState::Open => Standing::Open,
        ChargeState::Closed => Standing::Closed,
        ChargeState::Paid => Standing::Paid(Receipt {
            channel_no: payment.channel_no,
            merchant: payment.merchant,
            amount: payment.amount,
        }),
    })
}

fn refund_standing(answer: Option<String>) -> Result<RefundStanding, ChannelError> {
    let Some(text) = answer else { return Ok(RefundStanding::Unheard) };
    let refund: wire::Refund = read(&text)?;
    Ok(if refund.failure.is_empty() {
        RefundStanding::Refunded { channel_no: refund.channel_no, amount: refund.amount }
    } else {
        RefundStanding::Failed { reason: refund.failure }
    })
}

/// None if it is about a payment that is not ours.
fn claim(dispute: wire::Dispute) -> Option<Result<Claim, ChannelError>> {
    let payment = dispute.trade_no.parse().ok()?;
    Some(dispute_standing(&dispute).map(|standing| Claim {
        payment,
        channel_no: dispute.dispute_no,
        amount: dispute.amount,
        reason: dispute.reason,
        due_at: dispute.due_at,
        standing,
    }))
}

fn dispute_standing(dispute: &wire::Dispute) -> Result<DisputeStanding, ChannelError> {
    let unreadable = |_| ChannelError::NoAnswer(format!("unreadable: state {:?}", dispute.state));
    dispute.state.parse().map(ComplaintState::standing).map_err(unreadable)
}

/// An answer of "never heard of it" to a request to do something is a no.
fn unheard() -> ChannelError {
    ChannelError::Refused("there is no such payment".to_owned())
}

impl PaymentChannel for HttpSandbox {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn create<'a>(&'a self, request: &'a PaymentRequest) -> Answer<'a, Started> {
        Box::pin(async move {
            let payment = NewPayment {
                trade_no: request.payment.to_string(),
                amount: request.amount,
                description: request.subject.clone(),
                expires_at: request.expires_at,
                notify_url: self.notify_url.clone(),
            };
            let answer = self.post(PAYMENTS, &payment).await?.ok_or_else(unheard)?;
            let created: wire::Payment = read(&answer)?;
            Ok(Started { channel_no: created.channel_no, pay_url: created.pay_url })
        })
    }

    fn query(&self, payment: PaymentId) -> Answer<'_, Standing> {
        Box::pin(async move { standing(self.get(&format!("{PAYMENTS}/{payment}")).await?) })
    }

    fn close(&self, payment: PaymentId) -> Answer<'_, Standing> {
        Box::pin(async move {
            let path = format!("{PAYMENTS}/{payment}/close");
            standing(self.ask(Method::POST, &path, String::new()).await?)
        })
    }

    fn refund<'a>(&'a self, request: &'a RefundRequest) -> Answer<'a, RefundStanding> {
        Box::pin(async move {
            let refund = NewRefund {
                refund_no: request.refund.to_string(),
                trade_no: request.payment.to_string(),
                amount: request.amount,
                reason: request.reason.clone(),
            };
            let answer = self.post(REFUNDS, &refund).await?.ok_or_else(unheard)?;
            refund_standing(Some(answer))
        })
    }

    fn query_refund(&self, refund: RefundId) -> Answer<'_, RefundStanding> {
        Box::pin(async move { refund_standing(self.get(&format!("{REFUNDS}/{refund}")).await?) })
    }

    fn answer_dispute<'a>(&'a self, reply: &'a DisputeReply) -> Answer<'a, DisputeStanding> {
        Box::pin(async move {
            let path = format!("{DISPUTES}/{}/answer", reply.channel_no);
            let said = Reply { answer: reply.answer, evidence: reply.evidence.clone() };
            dispute_standing(&read(&self.post(&path, &said).await?.ok_or_else(unheard)?)?)
        })
    }

    fn disputes(&self, since: Timestamp) -> Answer<'_, Vec<Claim>> {
        Box::pin(async move {
            let answer = self.get(&format!("{DISPUTES}?since={}", since.micros())).await?.ok_or_else(unheard)?;
            let disputes: Vec<wire::Dispute> = read(&answer)?;
            disputes.into_iter().filter_map(claim).collect()
        })
    }

    fn read_notification(&self, message: &RawNotification, now: Timestamp) -> Result<Notification, Forged> {
        self.keys.read_notification(message, now)
    }

    fn statement<'a>(&'a self, day: &'a str) -> Answer<'a, Vec<u8>> {
        Box::pin(async move {
            let is_day = day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit());
            let path = format!("{STATEMENTS}/{day}");
            let asked = if is_day { self.get(&path).await? } else { None };
            asked.map(String::into_bytes).ok_or_else(|| ChannelError::Refused(format!("{day} is no day like 20261121")))
        })
    }
}

//! The sandbox as a channel of a shop in the same process: for simulations and tests, where no wire lies between.

use super::wire::MerchantKeys;
use super::{Charge, ChargeState, Complaint, Fault, Op, Provider, Refusal, Return, SANDBOX};
use crate::money::Rate;
use crate::payment::{PaymentId, RefundId};
use crate::port::{
    Answer, ChannelError, Claim, DisputeReply, DisputeStanding, FeeOnRefund, Forged, Notification, PaymentChannel,
    PaymentRequest, RawNotification, Receipt, RefundRequest, RefundStanding, Standing, Started, Terms,
};
use crate::time::{Clock, Timestamp};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A shop's connection to a sandbox in the same process.
pub struct SandboxChannel {
    terms: Terms,
    keys: MerchantKeys,
    provider: Arc<Mutex<Provider>>,
    clock: Arc<dyn Clock>,
}

impl SandboxChannel {
    pub fn new(provider: Arc<Mutex<Provider>>, keys: MerchantKeys, fee: Rate, clock: Arc<dyn Clock>) -> Self {
        let merchant = lock(&provider).merchant().to_owned();
        let terms = Terms { code: SANDBOX.to_owned(), merchant, fee, fee_on_refund: FeeOnRefund::Kept };
        Self { terms, keys, provider, clock }
    }

    /// The same sandbox, under another code: a second channel.
    #[must_use]
    pub fn called(self, code: &str) -> Self {
        Self { terms: Terms { code: code.to_owned(), ..self.terms }, ..self }
    }

    #[must_use]
    pub fn with_fee_on_refund(self, fee_on_refund: FeeOnRefund) -> Self {
        Self { terms: Terms { fee_on_refund, ..self.terms }, ..self }
    }

    fn ask<T>(
        &self,
        op: Op,
        work: impl FnOnce(&mut Provider, Timestamp) -> Result<T, Refusal>,
    ) -> Result<T, ChannelError> {
        let mut provider = lock(&self.provider);
        let now = self.clock.now();
        let fault = provider.next_fault(op);
        match fault {
            Some(Fault::Timeout) => return Err(ChannelError::NoAnswer("timeout".to_owned())),
            Some(Fault::ServerError) => return Err(ChannelError::NoAnswer("500".to_owned())),
            Some(Fault::Refuse) => return Err(refused(&Refusal::OnDemand)),
            _ => {}
        }
        let answer = work(&mut provider, now);
        if fault == Some(Fault::TimeoutAfterSuccess) {
            return Err(ChannelError::NoAnswer("timeout".to_owned()));
        }
        answer.map_err(|refusal| refused(&refusal))
    }

    fn standing(&self, charge: Option<&Charge>) -> Standing {
        standing_of(charge, &self.terms.merchant)
    }
}

/// How a charge stands, in the words of the port.
pub fn standing_of(charge: Option<&Charge>, merchant: &str) -> Standing {
    let Some(charge) = charge else { return Standing::Unheard };
    match charge.state {
        ChargeState::Open => Standing::Open,
        ChargeState::Closed => Standing::Closed,
        ChargeState::Paid => Standing::Paid(Receipt {
            channel_no: charge.channel_no.clone(),
            merchant: merchant.to_owned(),
            amount: charge.amount,
        }),
    }
}

/// How a refund stands, in the words of the port.
pub fn refund_standing_of(back: Option<&Return>) -> RefundStanding {
    match back {
        None => RefundStanding::Unheard,
        Some(back) if !back.failure.is_empty() => RefundStanding::Failed { reason: back.failure.clone() },
        Some(back) => RefundStanding::Refunded { channel_no: back.channel_no.clone(), amount: back.amount },
    }
}

fn lock(provider: &Mutex<Provider>) -> MutexGuard<'_, Provider> {
    provider.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(refusal: &Refusal) -> ChannelError {
    ChannelError::Refused(refusal.to_string())
}

impl PaymentChannel for SandboxChannel {
    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn create<'a>(&'a self, request: &'a PaymentRequest) -> Answer<'a, Started> {
        Box::pin(async move {
            let charge = Charge {
                trade_no: request.payment.to_string(),
                channel_no: String::new(),
                amount: request.amount,
                description: request.subject.clone(),
                expires_at: request.expires_at,
                state: ChargeState::Open,
                paid_at: Timestamp::from_micros(0),
                notify_url: self.terms.code.clone(),
            };
            let charge = self.ask(Op::Create, |provider, _| provider.create(charge))?;
            Ok(Started { pay_url: format!("sandbox:{}", charge.trade_no), channel_no: charge.channel_no })
        })
    }

    fn query(&self, payment: PaymentId) -> Answer<'_, Standing> {
        Box::pin(async move {
            let trade_no = payment.to_string();
            self.ask(Op::Query, |provider, _| Ok(self.standing(provider.charge(&trade_no))))
        })
    }

    fn close(&self, payment: PaymentId) -> Answer<'_, Standing> {
        Box::pin(async move {
            let trade_no = payment.to_string();
            self.ask(Op::Close, |provider, _| Ok(self.standing(provider.close(&trade_no))))
        })
    }

    fn refund<'a>(&'a self, request: &'a RefundRequest) -> Answer<'a, RefundStanding> {
        Box::pin(async move {
            let wanted = Return {
                refund_no: request.refund.to_string(),
                trade_no: request.payment.to_string(),
                channel_no: String::new(),
                amount: request.amount,
                done_at: Timestamp::from_micros(0),
                failure: String::new(),
            };
            let done = self.ask(Op::Refund, |provider, now| provider.refund(wanted, now))?;
            Ok(refund_standing_of(Some(&done)))
        })
    }

    fn query_refund(&self, refund: RefundId) -> Answer<'_, RefundStanding> {
        Box::pin(async move {
            let refund_no = refund.to_string();
            self.ask(Op::QueryRefund, |provider, _| Ok(refund_standing_of(provider.returned(&refund_no))))
        })
    }

    fn answer_dispute<'a>(&'a self, reply: &'a DisputeReply) -> Answer<'a, DisputeStanding> {
        Box::pin(async move {
            let answer =
                |provider: &mut Provider, now| provider.answer(&reply.channel_no, reply.answer, &reply.evidence, now);
            Ok(self.ask(Op::AnswerDispute, answer)?.standing())
        })
    }

    fn disputes(&self, since: Timestamp) -> Answer<'_, Vec<Claim>> {
        Box::pin(async move {
            self.ask(Op::QueryDisputes, |provider, _| {
                Ok(provider.complaints_since(since).filter_map(Complaint::claim).collect())
            })
        })
    }

    fn read_notification(&self, message: &RawNotification, now: Timestamp) -> Result<Notification, Forged> {
        self.keys.read_notification(message, now)
    }

    fn statement<'a>(&'a self, day: &'a str) -> Answer<'a, Vec<u8>> {
        Box::pin(async move {
            let from = super::start_of(day).ok_or(ChannelError::Refused(format!("{day} is no day like 20261121")))?;
            Ok(lock(&self.provider).statement(from).into_bytes())
        })
    }
}

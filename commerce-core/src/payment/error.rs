use super::{PaymentState, RefundState};
use crate::caller::NotAllowed;
use crate::error::{Code, Failure, Kind};
use crate::ledger::LedgerError;
use crate::money::{Money, MoneyError};
use crate::order::OrderError;
use crate::port::{ChannelError, Forged};
use crate::store::StoreError;

/// Why no money moved.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PaymentError {
    #[error("{0}; nothing was charged twice, try again")]
    ChannelUnavailable(String),
    #[error("the payment channel refused ({0}); choose another way to pay")]
    ChannelRefused(String),
    #[error("there is no payment channel {channel:?} in this shop; the channels are: {known}")]
    UnknownChannel { channel: String, known: String },
    #[error("there is no such payment")]
    UnknownPayment,
    #[error("the channel speaks of {got}, the payment is for {expected}; nothing was booked, ask the channel")]
    AmountMismatch { expected: Money, got: Money },
    #[error("the channel took the money for another merchant; nothing was booked, check the channel's settings")]
    MerchantMismatch,
    #[error(
        "the payment is {state} and the channel now says it was paid; nothing was booked, look at it by reconciliation"
    )]
    Contradicted { state: PaymentState },
    #[error("nothing is left to pay for this order")]
    NothingToPay,
    #[error("the time to pay for this order is over; place it anew")]
    Overdue,
    #[error("{left} are still to be paid; add a payment channel")]
    Incomplete { left: Money },
    #[error("an order is paid through one channel at a time; choose one, and gift cards beside it")]
    OneChannel,
    #[error("there is no such gift card, or it is empty or expired; check the code")]
    UnknownGiftCard,
    #[error("the notification was not believed: {0}; nothing was changed")]
    Forged(#[from] Forged),
    #[error("at most {left} can be given back for this order")]
    RefundExceedsPaid { left: Money },
    #[error("a refund is above zero; say how much is to go back")]
    RefundOfNothing,
    #[error("a gift card is worth something; give an amount above zero")]
    GiftCardOfNothing,
    #[error("there is no such refund, or it is not waiting for this")]
    UnknownRefund,
    #[error(
        "the refund is {state} and the channel now says otherwise; nothing was booked, look at it by reconciliation"
    )]
    RefundContradicted { state: RefundState },
    #[error("so much goes back only when a second person agrees; sign in as somebody else than who asked for it")]
    NeedsASecondPerson,
    #[error("there is no such dispute, or it does not wait for an answer")]
    UnknownDispute,
    #[error("the buyer disputes a payment of this order with the bank; wait for the decision")]
    DisputeUndecided,
    #[error(transparent)]
    Money(#[from] MoneyError),
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    #[error(transparent)]
    Ledger(LedgerError),
    #[error(transparent)]
    Order(Box<OrderError>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<LedgerError> for PaymentError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Store(error) => Self::Store(error),
            other => Self::Ledger(other),
        }
    }
}

impl From<OrderError> for PaymentError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Store(error) => Self::Store(error),
            OrderError::Payment(error) => *error,
            other => Self::Order(Box::new(other)),
        }
    }
}

impl From<ChannelError> for PaymentError {
    fn from(error: ChannelError) -> Self {
        match error {
            ChannelError::NoAnswer(_) => Self::ChannelUnavailable(error.to_string()),
            ChannelError::Refused(reason) => Self::ChannelRefused(reason),
        }
    }
}

impl Failure for PaymentError {
    fn kind(&self) -> Kind {
        match self {
            Self::ChannelUnavailable(_) => Kind::Unavailable,
            Self::ChannelRefused(_)
            | Self::AmountMismatch { .. }
            | Self::MerchantMismatch
            | Self::Contradicted { .. }
            | Self::NothingToPay
            | Self::Overdue
            | Self::DisputeUndecided
            | Self::RefundContradicted { .. } => Kind::Conflict,
            Self::UnknownChannel { .. }
            | Self::UnknownPayment
            | Self::UnknownGiftCard
            | Self::UnknownRefund
            | Self::UnknownDispute => Kind::NotFound,
            Self::NeedsASecondPerson => Kind::Forbidden,
            Self::Incomplete { .. } | Self::RefundOfNothing | Self::GiftCardOfNothing | Self::OneChannel => {
                Kind::Invalid
            }
            Self::RefundExceedsPaid { .. } => Kind::Exhausted,
            Self::Forged(_) => Kind::Unauthenticated,
            Self::Money(error) => error.kind(),
            Self::NotAllowed(error) => error.kind(),
            Self::Ledger(error) => error.kind(),
            Self::Order(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::ChannelUnavailable(_) => Code::PaymentChannelUnavailable,
            Self::ChannelRefused(_) => Code::PaymentRefused,
            Self::UnknownChannel { .. } => Code::UnknownChannel,
            Self::UnknownPayment => Code::UnknownPayment,
            Self::AmountMismatch { .. } => Code::AmountMismatch,
            Self::MerchantMismatch => Code::MerchantMismatch,
            Self::Contradicted { .. } => Code::PaymentContradicted,
            Self::NothingToPay => Code::NothingToPay,
            Self::Overdue => Code::PaymentOverdue,
            Self::Incomplete { .. } => Code::PaymentIncomplete,
            Self::OneChannel => Code::InvalidRequest,
            Self::UnknownGiftCard => Code::UnknownGiftCard,
            Self::Forged(Forged::Stale) => Code::NotificationStale,
            Self::Forged(Forged::Signature | Forged::Unreadable) => Code::InvalidSignature,
            Self::RefundExceedsPaid { .. } => Code::RefundExceedsPaid,
            Self::RefundOfNothing | Self::GiftCardOfNothing => Code::InvalidAmount,
            Self::UnknownRefund => Code::UnknownRefund,
            Self::RefundContradicted { .. } => Code::RefundContradicted,
            Self::NeedsASecondPerson => Code::NeedsASecondPerson,
            Self::UnknownDispute => Code::UnknownDispute,
            Self::DisputeUndecided => Code::DisputeUndecided,
            Self::Money(error) => error.code(),
            Self::NotAllowed(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Order(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::ChannelUnavailable(_) => "支付渠道暂时无法连接，没有重复扣款，请重试".to_owned(),
            Self::ChannelRefused(reason) => format!("支付渠道拒绝了请求（{reason}），请更换支付方式"),
            Self::UnknownChannel { channel, known } => format!("本店没有支付渠道 {channel:?}，可用渠道：{known}"),
            Self::UnknownPayment => "没有这笔支付".to_owned(),
            Self::AmountMismatch { expected, got } => {
                format!("渠道通知的金额为 {got}，应为 {expected}，未入账，请向渠道核实")
            }
            Self::MerchantMismatch => "渠道为其他商户收款，未入账，请检查渠道配置".to_owned(),
            Self::Contradicted { state } => {
                format!("支付已处于 {state} 状态，渠道却通知已付款，未入账，请通过对账处理")
            }
            Self::NothingToPay => "该订单没有待支付的金额".to_owned(),
            Self::Overdue => "该订单的付款时间已过，请重新下单".to_owned(),
            Self::Incomplete { left } => format!("还需支付 {left}，请再选择一个支付渠道"),
            Self::OneChannel => "一次只能使用一个支付渠道（可同时使用礼品卡），请选择其一".to_owned(),
            Self::UnknownGiftCard => "没有这张礼品卡，或余额为零、已过期，请核对卡号".to_owned(),
            Self::Forged(_) => "通知未通过验证，没有任何改动".to_owned(),
            Self::RefundExceedsPaid { left } => format!("该订单最多还可退 {left}"),
            Self::RefundOfNothing => "退款金额必须大于零".to_owned(),
            Self::GiftCardOfNothing => "礼品卡金额必须大于零".to_owned(),
            Self::UnknownRefund => "没有这笔退款，或它不在等待此操作".to_owned(),
            Self::RefundContradicted { state } => {
                format!("退款已处于 {state} 状态，与渠道通知不符，未入账，请通过对账处理")
            }
            Self::NeedsASecondPerson => "退款金额较大，须由另一人复核；请以申请人以外的身份登录".to_owned(),
            Self::UnknownDispute => "没有这起争议，或它不在等待答复".to_owned(),
            Self::DisputeUndecided => "买家已就该订单的付款向银行提出争议，请等待裁定".to_owned(),
            Self::Money(error) => error.zh(),
            Self::NotAllowed(error) => error.zh(),
            Self::Ledger(error) => error.zh(),
            Self::Order(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

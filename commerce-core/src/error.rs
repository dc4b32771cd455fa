//! How the core says no: a closed [`Kind`], a stable [`Code`], and a sentence in the reader's language
//! that says what happened and what to do about it.

/// What callers may branch on. Closed on purpose: think before adding a tenth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Invalid,
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    Exhausted,
    Unavailable,
    Timeout,
    Internal,
}

impl Kind {
    /// Whether the same request may succeed if it is simply sent again.
    pub fn is_retryable(self) -> bool {
        matches!(self, Kind::Unavailable | Kind::Timeout)
    }
}

/// Every code a client can meet, in one list. Numbers and names never change once released.
/// 1xxx orders and stock · 20xx payments · 21xx refunds · 22xx the ledger · 23xx reconciliation · 30xx requests and people · 31xx amounts · 4xxx goods and customers · 5xxx imports · 6xxx webhooks · 9xxx the database and its backups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::EnumIter)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum Code {
    InsufficientStock = 1001,
    PriceChanged = 1002,
    IllegalMove = 1003,
    HoldExpired = 1004,
    ChangeRefused = 1005,
    OrderNotFound = 1006,
    ProposalClosed = 1007,
    TotalChanged = 1008,
    CaseClosed = 1009,
    PaymentChannelUnavailable = 2001,
    PaymentRefused = 2002,
    UnknownPayment = 2003,
    AmountMismatch = 2004,
    MerchantMismatch = 2005,
    PaymentContradicted = 2006,
    NothingToPay = 2007,
    PaymentIncomplete = 2008,
    UnknownChannel = 2009,
    UnknownGiftCard = 2010,
    InvalidSignature = 2011,
    NotificationStale = 2012,
    PaymentOverdue = 2013,
    RefundExceedsPaid = 2101,
    UnknownRefund = 2102,
    RefundContradicted = 2103,
    NeedsASecondPerson = 2104,
    UnknownDispute = 2105,
    DisputeUndecided = 2106,
    InsufficientFunds = 2201,
    TransferConflict = 2202,
    NotPending = 2203,
    InvalidTransfer = 2204,
    UnknownAccount = 2205,
    BooksDisagree = 2206,
    StatementRejected = 2301,
    UnknownDifference = 2302,
    InvalidIdempotencyKey = 3001,
    InvalidRequest = 3002,
    InvalidId = 3003,
    NotAllowed = 3004,
    NotSignedIn = 3005,
    WrongCredentials = 3006,
    SignInLocked = 3007,
    SecondFactorNeeded = 3008,
    WrongSecondFactor = 3009,
    UnknownMember = 3010,
    UnknownKey = 3011,
    LastOwner = 3012,
    NoMasterKey = 3013,
    SecondFactorInUse = 3014,
    InvalidPhone = 3015,
    TooManyCodes = 3016,
    WrongCode = 3017,
    TooManyRequests = 3018,
    UnsupportedVersion = 3019,
    PayloadTooLarge = 3020,
    UnknownOperation = 3021,
    CrossSite = 3022,
    Overloaded = 3023,
    PlatformUnavailable = 3024,
    SignInNotOffered = 3025,
    UnknownCurrency = 3101,
    TooManyDecimals = 3102,
    AmountOverflow = 3103,
    CurrencyMismatch = 3104,
    InvalidAmount = 3105,
    InvalidTime = 3106,
    UnknownSku = 4001,
    ProductClosed = 4002,
    PriceBelowFloor = 4003,
    PriceExpired = 4004,
    UnknownCustomer = 4005,
    UnknownAddress = 4006,
    UnknownWarehouse = 4007,
    UnknownBatch = 4008,
    UnknownTenant = 4009,
    UnknownCoupon = 4010,
    CouponRefused = 4014,
    InvalidRule = 4015,
    UnknownRule = 4016,
    UnknownActivity = 4011,
    UnknownCategory = 4012,
    DuplicateName = 4013,
    UnknownProduct = 4017,
    OrdersUnderWay = 4018,
    ImportRejected = 5001,
    UnreadableFile = 5002,
    UnknownEndpoint = 6001,
    InvalidEndpoint = 6002,
    UnknownDelivery = 6003,
    TooManyEndpoints = 6004,
    DatabaseLocked = 9001,
    DatabaseFull = 9002,
    DatabaseUnreachable = 9003,
    DatabaseBusy = 9004,
    SchemaBehind = 9005,
    SchemaFromFuture = 9006,
    SchemaAltered = 9007,
    BackupDamaged = 9010,
    BackupFile = 9011,
    BackupFromFuture = 9012,
    DatabaseInUse = 9013,
    SchemaDiffers = 9014,
    Internal = 9999,
}

impl Code {
    pub fn number(self) -> u16 {
        self as u16
    }

    /// `INSUFFICIENT_STOCK`
    pub fn name(self) -> &'static str {
        self.into()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Chinese,
    English,
}

/// Every error of the core is one. `Display` is the English sentence, [`Failure::zh`] the Chinese one.
pub trait Failure: std::error::Error {
    fn kind(&self) -> Kind;
    fn code(&self) -> Code;
    fn zh(&self) -> String;

    fn message(&self, language: Language) -> String {
        match language {
            Language::Chinese => self.zh(),
            Language::English => self.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use strum::IntoEnumIterator;

    #[test]
    fn codes_are_unique_and_named_for_clients() {
        let names: HashSet<_> = Code::iter().map(Code::name).collect();
        assert_eq!(names.len(), Code::iter().count());
        assert_eq!(Code::InsufficientStock.name(), "INSUFFICIENT_STOCK");
        assert_eq!(Code::InvalidIdempotencyKey.number(), 3001);
    }
}

//! Webhooks: who outside hears of events, how often they are told, and how they know that it was the shop.

use crate::error::{Code, Failure, Kind};
use crate::event::{Event, EventId};
use crate::id::{Entity, Id};
use crate::port::{Letter, Outcome};
use crate::secret::{MasterKey, Secret, sign};
use crate::store::StoreError;
use crate::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};
use serde_json::json;
use std::net::IpAddr;

/// Somebody outside who is told of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub id: EndpointId,
    pub url: String,
    /// `Order.Paid`, or `Order.*` for all about orders. Nothing stands for everything.
    pub events: Vec<String>,
    pub state: EndpointState,
    pub breaker: Breaker,
    pub created_at: Timestamp,
    /// How many events were queued for it so far.
    pub sequence: i64,
    /// How often it was given a secret.
    pub(crate) generation: i64,
    /// Until then the secret before signs, too.
    pub(crate) overlap_until: Timestamp,
}

pub type EndpointId = Id<Endpoint>;

impl Entity for Endpoint {
    const PREFIX: &'static str = "whe";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum EndpointState {
    Active,
    /// Events are kept for it until it goes on.
    Paused,
    Removed,
}

/// How long a new secret and the one before sign side by side, so that nobody has to change both ends at once.
const OVERLAP: i64 = DAY;
const PURPOSE: &str = "webhook";

impl Endpoint {
    pub(crate) fn wants(&self, event: &str) -> bool {
        let fits = |wanted: &String| match wanted.strip_suffix('*') {
            Some(prefix) => event.starts_with(prefix),
            None => event == wanted,
        };
        self.events.is_empty() || self.events.iter().any(fits)
    }

    pub(crate) fn secret(&self, master: &MasterKey) -> Secret {
        self.secret_of(self.generation, master)
    }

    fn secret_of(&self, generation: i64, master: &MasterKey) -> Secret {
        Secret::new(format!("zgw_{}", crate::ledger::hex(&master.derive(PURPOSE, self.id, generation))))
    }

    /// Begins a new secret. Whoever does it twice in a row ends the one that was known to too many.
    pub(crate) fn rotate(&mut self, now: Timestamp) {
        self.generation += 1;
        self.overlap_until = now.plus_micros(OVERLAP);
    }

    /// `v1=<hex>`, during a rotation `v1=<hex>,v1=<hex>`: whoever has one of the secrets finds theirs.
    fn signature(&self, text: &str, master: &MasterKey, now: Timestamp) -> String {
        let oldest = if now < self.overlap_until { self.generation - 1 } else { self.generation };
        let signed = |generation| format!("v1={}", sign(&self.secret_of(generation, master), text));
        (oldest..=self.generation).rev().map(signed).collect::<Vec<_>>().join(",")
    }

    /// What these tries say of it: whether somebody is there.
    pub(crate) fn hear(&mut self, tried: &[Delivery], now: Timestamp) {
        for delivery in tried {
            match delivery.state {
                DeliveryState::Delivered => self.breaker = Breaker::CLOSED,
                DeliveryState::Pending | DeliveryState::Dead => self.breaker.fail(now),
            }
        }
    }

    /// The machine it is on: all that others are told of the address, which may hold what only the two should know.
    pub(crate) fn host(&self) -> &str {
        Address::read(&self.url).map_or("", |address| address.host)
    }
}

/// Failures in a row after which an endpoint is left alone for a while.
const FAILURES_AT_ONCE: u32 = 5;
/// How many letters may be on their way to an endpoint that answers.
const LETTERS_AT_ONCE: u32 = 8;

/// Keeps the shop from knocking at a door where nobody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// In a row.
    pub failures: u32,
    /// Nothing is sent until then.
    pub open_until: Timestamp,
}

impl Breaker {
    pub(crate) const CLOSED: Self = Self { failures: 0, open_until: Timestamp::from_micros(0) };

    /// How many letters may be on their way at once: none while it is open, one to see whether somebody is there again.
    pub(crate) fn letters_at_once(&self, now: Timestamp) -> u32 {
        match self.failures {
            _ if self.open_until > now => 0,
            FAILURES_AT_ONCE.. => 1,
            _ => LETTERS_AT_ONCE,
        }
    }

    /// From the fifth failure on it opens, each time for twice as long, an hour at most.
    pub(crate) fn fail(&mut self, now: Timestamp) {
        // It was sent together with the one that opened it, and says nothing new.
        if self.open_until > now {
            return;
        }
        self.failures += 1;
        if let Some(again) = self.failures.checked_sub(FAILURES_AT_ONCE) {
            self.open_until = now.plus_micros((MINUTE << again.min(6)).min(HOUR));
        }
    }
}

/// One event on its way to one endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub id: DeliveryId,
    pub endpoint: EndpointId,
    pub event: EventId,
    pub event_name: String,
    /// Of this endpoint: 1, 2, 3 …
    pub sequence: i64,
    pub state: DeliveryState,
    pub attempts: u32,
    pub queued_at: Timestamp,
    /// When it is tried next.
    pub next_at: Timestamp,
    /// What the endpoint answered last; none where it did not.
    pub last_status: Option<u16>,
    pub last_error: String,
    /// When it arrived or was given up.
    pub settled_at: Option<Timestamp>,
}

pub type DeliveryId = Id<Delivery>;

impl Entity for Delivery {
    const PREFIX: &'static str = "whd";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryState {
    Pending,
    Delivered,
    /// Given up. It can be replayed.
    Dead,
}

/// How long a letter is tried.
pub(crate) const PATIENCE: i64 = 72 * HOUR;
/// The first try again comes after five seconds on average.
const FIRST_PAUSE: i64 = 10 * SECOND;
const LONGEST_PAUSE: i64 = 6 * HOUR;
const LONGEST_ERROR: usize = 1_000;

impl Delivery {
    /// What came of a try. `chance` is any number: it spreads those who failed together.
    pub(crate) fn tried(&mut self, outcome: &Outcome, now: Timestamp, chance: u64) {
        self.attempts += 1;
        let (status, error) = match outcome {
            Outcome::Answered { status, .. } if (200..300).contains(status) => (Some(*status), ""),
            Outcome::Answered { status, body } => (Some(*status), body.as_str()),
            Outcome::NoAnswer { reason } => (None, reason.as_str()),
        };
        self.last_status = status;
        // PostgreSQL keeps no zeros in texts.
        self.last_error = error.chars().filter(|letter| *letter != '\0').take(LONGEST_ERROR).collect();
        let give_up_at = self.queued_at.plus_micros(PATIENCE);
        if status.is_some_and(|status| (200..300).contains(&status)) {
            self.settle(DeliveryState::Delivered, now);
        } else if now >= give_up_at {
            self.settle(DeliveryState::Dead, now);
        } else {
            // So that it is tried once more at the end of the time it has.
            self.next_at = now.plus_micros(pause(self.attempts, chance)).min(give_up_at);
        }
    }

    fn settle(&mut self, state: DeliveryState, now: Timestamp) {
        self.state = state;
        self.settled_at = Some(now);
    }
}

/// Any time up to a ceiling that doubles with each attempt: those who failed together do not come back together.
fn pause(attempts: u32, chance: u64) -> i64 {
    let ceiling = (FIRST_PAUSE << attempts.saturating_sub(1).min(16)).min(LONGEST_PAUSE);
    i64::try_from(chance % ceiling.unsigned_abs()).unwrap_or(ceiling)
}

pub const EVENT_ID: &str = "X-Zhanggui-Event-Id";
pub const EVENT: &str = "X-Zhanggui-Event";
pub const SEQUENCE: &str = "X-Zhanggui-Sequence";
pub const DELIVERY: &str = "X-Zhanggui-Delivery";
pub const TIMESTAMP: &str = "X-Zhanggui-Timestamp";
pub const SIGNATURE: &str = "X-Zhanggui-Signature";

/// The letter that tells an endpoint of an event. The body is the same at every try; time and signature are those of this one.
/// It does not say who did it: names of the shop's people stay in the shop.
pub(crate) fn letter(
    shop: &str,
    endpoint: &Endpoint,
    (delivery, event): (&Delivery, &Event),
    master: &MasterKey,
    now: Timestamp,
) -> Letter {
    let body = json!({
        "id": event.id, "name": event.name, "version": event.version, "subject": event.subject,
        "subject_version": event.subject_version, "correlation_id": event.correlation_id, "at": event.at,
        "tenant": shop, "payload": event.payload,
    })
    .to_string();
    let timestamp = now.millis() / 1_000;
    let signature = endpoint.signature(&format!("{timestamp}.{}.{body}", delivery.id), master, now);
    let headers = vec![
        (EVENT_ID, event.id.to_string()),
        (EVENT, event.name.clone()),
        (SEQUENCE, delivery.sequence.to_string()),
        (DELIVERY, delivery.id.to_string()),
        (TIMESTAMP, timestamp.to_string()),
        (SIGNATURE, signature),
    ];
    Letter { url: endpoint.url.clone(), headers, body }
}

/// How far webhooks may go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    #[default]
    Internet,
    /// To this machine, too, and there without encryption: for practice.
    ThisMachineToo,
}

const LONGEST_URL: usize = 500;

/// Whether webhooks may be sent to this address, as far as it can be told from the outside.
pub fn check_url(url: &str, reach: Reach) -> Result<(), EndpointFault> {
    if url.len() > LONGEST_URL {
        return Err(EndpointFault::TooLong);
    }
    let address = Address::read(url).ok_or(EndpointFault::Unreadable)?;
    match address.scheme {
        "https" => Ok(()),
        "http" if reach == Reach::ThisMachineToo && address.is_this_machine() => Ok(()),
        _ => Err(EndpointFault::NotEncrypted),
    }
}

/// What counts of a URL. Read narrowly: what two readers could understand in two ways is not understood here.
struct Address<'a> {
    scheme: &'a str,
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    host: &'a str,
}

impl<'a> Address<'a> {
    /// None of a URL with credentials or a fragment, or of no URL.
    fn read(url: &'a str) -> Option<Self> {
        let is_plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'\\' | b'#' | b'"' | b'<' | b'>' | b'`');
        let (scheme, rest) = url.split_once("://").filter(|_| url.bytes().all(is_plain))?;
        let authority = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
        let (host, port, is_host) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (host, port) = bracketed.split_once(']')?;
                (host, port, host.parse::<std::net::Ipv6Addr>().is_ok())
            }
            None => {
                let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
                let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
                (host, port, !host.is_empty() && host.bytes().all(is_name))
            }
        };
        let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
        (is_host && is_port).then_some(Self { scheme, host })
    }

    fn is_this_machine(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

const MOST_NAMES: usize = 50;
const LONGEST_NAME: usize = 80;

/// Names of events are two words, `Order.Paid`; `Order.*` are all about orders.
pub(crate) fn check_events(events: &[String]) -> Result<(), EndpointFault> {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric());
    let is_name = |name: &String| {
        name.len() <= LONGEST_NAME
            && name.split_once('.').is_some_and(|(what, how)| is_word(what) && (how == "*" || is_word(how)))
    };
    if events.len() <= MOST_NAMES && events.iter().all(is_name) { Ok(()) } else { Err(EndpointFault::Events) }
}

/// What is wrong with an endpoint that somebody wants to add.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointFault {
    #[error("its address has more than 500 characters")]
    TooLong,
    #[error("its address has to begin with https://")]
    NotEncrypted,
    #[error("its address is not like https://example.com/hook, without a user name, a password or a fragment")]
    Unreadable,
    #[error("events are up to 50 names like `Order.Paid` or `Order.*`")]
    Events,
}

impl EndpointFault {
    fn zh(self) -> &'static str {
        match self {
            Self::TooLong => "地址超过 500 个字符",
            Self::NotEncrypted => "地址必须以 https:// 开头",
            Self::Unreadable => "地址应形如 https://example.com/hook，不含用户名、密码或 # 片段",
            Self::Events => "事件最多 50 个，形如 `Order.Paid` 或 `Order.*`",
        }
    }
}

/// Each event is one more row for each endpoint.
pub(crate) const MOST_ENDPOINTS: usize = 20;

#[derive(Clone, Debug, thiserror::Error)]
pub enum WebhookError {
    #[error("there is no such endpoint, or it was removed")]
    UnknownEndpoint,
    #[error("the endpoint cannot be used: {0}")]
    InvalidEndpoint(#[from] EndpointFault),
    #[error("there is no such delivery, or it was forgotten")]
    UnknownDelivery,
    #[error("a shop has at most {MOST_ENDPOINTS} endpoints; remove one that is not needed")]
    TooManyEndpoints,
    #[error("no master key is loaded, which webhooks are signed with; start the service with one")]
    NoMasterKey,
    #[error(transparent)]
    NotAllowed(#[from] crate::caller::NotAllowed),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for WebhookError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownEndpoint | Self::UnknownDelivery => Kind::NotFound,
            Self::InvalidEndpoint(_) => Kind::Invalid,
            Self::TooManyEndpoints => Kind::Conflict,
            Self::NoMasterKey => Kind::Unavailable,
            Self::NotAllowed(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::UnknownEndpoint => Code::UnknownEndpoint,
            Self::InvalidEndpoint(_) => Code::InvalidEndpoint,
            Self::UnknownDelivery => Code::UnknownDelivery,
            Self::TooManyEndpoints => Code::TooManyEndpoints,
            Self::NoMasterKey => Code::NoMasterKey,
            Self::NotAllowed(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::UnknownEndpoint => "没有这个接收端，或已被移除".to_owned(),
            Self::InvalidEndpoint(fault) => format!("该接收端不可用：{}", fault.zh()),
            Self::UnknownDelivery => "没有这条推送记录，或已过期清除".to_owned(),
            Self::TooManyEndpoints => format!("每个店铺最多 {MOST_ENDPOINTS} 个接收端，请先移除不需要的"),
            Self::NoMasterKey => "未加载主密钥，无法为推送签名，请带主密钥启动服务".to_owned(),
            Self::NotAllowed(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_000_000_000_000);

    fn endpoint(events: &[&str]) -> Endpoint {
        Endpoint {
            id: Id::derived("test", "endpoint"),
            url: "https://example.com/hook?token=secret".to_owned(),
            events: events.iter().map(|&name| name.to_owned()).collect(),
            state: EndpointState::Active,
            breaker: Breaker::CLOSED,
            created_at: NOW,
            sequence: 0,
            generation: 1,
            overlap_until: Timestamp::from_micros(0),
        }
    }

    fn delivery() -> Delivery {
        Delivery {
            id: Id::derived("test", "delivery"),
            endpoint: Id::derived("test", "endpoint"),
            event: Id::derived("test", "event"),
            event_name: "Order.Paid".to_owned(),
            sequence: 1,
            state: DeliveryState::Pending,
            attempts: 0,
            queued_at: NOW,
            next_at: NOW,
            last_status: None,
            last_error: String::new(),
            settled_at: None,
        }
    }

    #[test]
    fn an_endpoint_hears_what_it_asked_for() {
        for (events, heard) in [
            (&[][..], ["Order.Paid", "Order.Created", "Orders.Paid"].as_slice()),
            (&["Order.Paid"], &["Order.Paid"]),
            (&["Order.*"], &["Order.Paid", "Order.Created"]),
            (&["Stock.Low", "Order.Created"], &["Order.Created"]),
        ] {
            let endpoint = endpoint(events);
            let all = ["Order.Paid", "Order.Created", "Orders.Paid"];
            assert_eq!(all.into_iter().filter(|name| endpoint.wants(name)).collect::<Vec<_>>(), heard, "{events:?}");
        }
        assert_eq!(endpoint(&[]).host(), "example.com");
    }

    #[test]
    fn addresses_are_read_narrowly() {
        use EndpointFault::{NotEncrypted, TooLong, Unreadable};
        let long = format!("https://example.com/{}", "a".repeat(480));
        for (url, expected) in [
            ("https://example.com", Ok(())),
            ("https://example.com:8443/hook?shop=1", Ok(())),
            ("https://[2606:4700::1111]/hook", Ok(())),
            ("https://example.com/@here", Ok(())),
            (&long, Ok(())),
            (&format!("{long}a"), Err(TooLong)),
            ("http://example.com/", Err(NotEncrypted)),
            ("ftp://example.com/", Err(NotEncrypted)),
            ("http://localhost:8080/", Err(NotEncrypted)),
            ("", Err(Unreadable)),
            ("example.com", Err(Unreadable)),
            ("https://", Err(Unreadable)),
            ("https://me@example.com/", Err(Unreadable)),
            ("https://example.com:pass@10.0.0.1/", Err(Unreadable)),
            ("https://example.com/#part", Err(Unreadable)),
            ("https://example.com\\@10.0.0.1/", Err(Unreadable)),
            ("https://exa mple.com/", Err(Unreadable)),
            ("https://example.com/\r\nHost: 10.0.0.1", Err(Unreadable)),
            ("https://%31%30.0.0.1/", Err(Unreadable)),
            ("https://例子.com/", Err(Unreadable)),
            ("https://example.com:70000/", Err(Unreadable)),
            ("https://[::1/", Err(Unreadable)),
            ("https://[example.com]/", Err(Unreadable)),
        ] {
            assert_eq!(check_url(url, Reach::Internet), expected, "{url}");
        }
        for url in ["http://localhost:8080/", "http://127.0.0.1/hook", "http://[::1]:80/"] {
            assert_eq!(check_url(url, Reach::ThisMachineToo), Ok(()), "{url}");
        }
        assert_eq!(check_url("http://10.0.0.1/", Reach::ThisMachineToo), Err(NotEncrypted));
    }

    #[test]
    fn events_have_names_of_two_words() {
        let check = |name: &str| check_events(&[name.to_owned()]);
        assert!(check("Order.Paid").is_ok() && check("Order.*").is_ok() && check_events(&[]).is_ok());
        for wrong in ["", "Order", "Order.", ".Paid", "*", "*.Paid", "Order.Pa*", "Order.Paid.Late", "Order Paid"] {
            assert_eq!(check(wrong), Err(EndpointFault::Events), "{wrong}");
        }
        assert!(check_events(&vec!["Order.Paid".to_owned(); MOST_NAMES + 1]).is_err());
    }

    #[test]
    fn pauses_grow_and_spread() {
        for attempts in 1..=40 {
            let ceiling = (FIRST_PAUSE << (attempts - 1).min(16)).min(LONGEST_PAUSE);
            assert_eq!(pause(attempts, ceiling.unsigned_abs() - 1), ceiling - 1, "{attempts}");
            assert_eq!(pause(attempts, 0), 0);
        }
    }

    #[test]
    fn a_letter_is_tried_for_72_hours_and_a_last_time_at_their_end() {
        let (mut delivery, mut now) = (delivery(), NOW);
        let refused = Outcome::Answered { status: 503, body: "try\0 later".to_owned() };
        while delivery.state == DeliveryState::Pending {
            delivery.tried(&refused, now, u64::MAX);
            assert!(delivery.next_at > now || delivery.state == DeliveryState::Dead);
            now = delivery.next_at.max(now);
        }
        assert_eq!(now, NOW.plus_micros(PATIENCE));
        assert_eq!((delivery.last_status, delivery.last_error.as_str()), (Some(503), "try later"));
        assert_eq!((delivery.state, delivery.settled_at), (DeliveryState::Dead, Some(now)));
        assert!((15..60).contains(&delivery.attempts), "{}", delivery.attempts);
    }

    #[test]
    fn only_what_was_taken_is_delivered() {
        for (status, expected) in [
            (200, DeliveryState::Delivered),
            (204, DeliveryState::Delivered),
            (301, DeliveryState::Pending),
            (410, DeliveryState::Pending),
            (500, DeliveryState::Pending),
        ] {
            let mut delivery = delivery();
            delivery.tried(&Outcome::Answered { status, body: String::new() }, NOW, 7);
            assert_eq!((delivery.state, delivery.attempts), (expected, 1), "{status}");
        }
        let mut delivery = delivery();
        delivery.tried(&Outcome::NoAnswer { reason: "it took too long".to_owned() }, NOW, 7);
        assert_eq!((delivery.last_status, delivery.last_error.as_str()), (None, "it took too long"));
    }

    #[test]
    fn a_breaker_opens_for_longer_each_time_and_lets_one_through() {
        let (mut breaker, mut now) = (Breaker::CLOSED, NOW);
        let mut minutes = Vec::new();
        for failure in 1..=13 {
            assert_eq!(breaker.letters_at_once(now), if failure <= 5 { 8 } else { 1 }, "{failure}");
            breaker.fail(now);
            if failure >= 5 {
                assert_eq!(breaker.letters_at_once(now), 0);
                let opened = breaker;
                breaker.fail(now);
                assert_eq!(breaker, opened, "one of the same volley counts no more");
                minutes.push((breaker.open_until.micros() - now.micros()) / MINUTE);
                now = breaker.open_until;
            }
        }
        assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn a_rotated_secret_and_the_one_before_sign_for_a_day() {
        let (mut endpoint, master) = (endpoint(&[]), MasterKey::new([7; 32]));
        let signed = |endpoint: &Endpoint, now| endpoint.signature("text", &master, now);
        let first = endpoint.secret(&master);
        assert_eq!(signed(&endpoint, NOW), format!("v1={}", sign(&first, "text")));
        endpoint.rotate(NOW);
        let second = endpoint.secret(&master);
        assert_ne!(first.reveal(), second.reveal());
        let both = format!("v1={},v1={}", sign(&second, "text"), sign(&first, "text"));
        assert_eq!(signed(&endpoint, NOW), both);
        assert_eq!(signed(&endpoint, NOW.plus_micros(OVERLAP)), format!("v1={}", sign(&second, "text")));
    }
}

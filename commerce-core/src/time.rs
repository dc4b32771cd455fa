//! Time enters the shop through a [`Clock`]; everything else is handed `now`.

use crate::error::{Code, Failure, Kind};
use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};

/// Microseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Timestamp(i64);

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    pub fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    pub fn plus_minutes(self, minutes: u32) -> Self {
        self.plus_micros(i64::from(minutes) * MINUTE)
    }

    /// The calendar day at that many minutes east of Greenwich, as `20261121`: the day an order number carries.
    pub fn day(self, utc_offset_minutes: i32) -> String {
        let local = self.plus_micros(i64::from(utc_offset_minutes) * MINUTE);
        local.civil().strftime("%Y%m%d").to_string()
    }

    fn civil(self) -> jiff::Timestamp {
        // Outside jiff's years −9999…9999 no shop trades; showing the edge beats a panic.
        let edge = if self.0 < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(edge)
    }
}

/// RFC 3339 with `Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.civil())
    }
}

/// RFC 3339, any offset.
impl FromStr for Timestamp {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        text.parse::<jiff::Timestamp>()
            .map(|t| Self(t.as_microsecond()))
            .map_err(|_| InvalidTime(text.chars().take(40).collect()))
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> Self {
        time.to_string()
    }
}

impl TryFrom<String> for Timestamp {
    type Error = InvalidTime;

    fn try_from(text: String) -> Result<Self, InvalidTime> {
        text.parse()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time; write it like 2026-11-21T08:00:00+08:00")]
pub struct InvalidTime(String);

impl Failure for InvalidTime {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }
    fn code(&self) -> Code {
        Code::InvalidTime
    }
    fn zh(&self) -> String {
        format!("{:?} 不是有效时间，请写成 2026-11-21T08:00:00+08:00 这样的形式", self.0)
    }
}

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is where time enters")]
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }
}

/// A clock that stands still until it is told to move: for tests, simulations and demo data.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.0))
    }

    pub fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }

    pub fn set(&self, to: Timestamp) {
        self.0.store(to.0, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip_and_days_follow_the_shop() {
        let time: Timestamp = "2026-11-20T23:30:00.000123Z".parse().unwrap();
        assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        assert_eq!(time.day(0), "20261120");
        assert_eq!(time.day(480), "20261121");
        assert!("yesterday".parse::<Timestamp>().is_err());
    }
}

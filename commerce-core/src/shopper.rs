//! How shoppers prove who they are: by what a platform says of them, or by a code sent to their phone.

use crate::customer::Customer;
use crate::error::{Code, Failure, Kind};
use crate::secret::Secret;
use crate::store::StoreError;
use crate::time::{DAY, MINUTE, SECOND, Timestamp};

/// A shopper who has signed in.
#[derive(Clone, Debug)]
pub struct ShopperSignedIn {
    pub customer: Customer,
    /// What their client shows from now on; the shop keeps only a hash of it.
    pub token: Secret,
    pub expires_at: Timestamp,
}

/// What a platform says of somebody who came through it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformIdentity {
    /// `wechat`, `alipay`.
    pub platform: String,
    /// Who they are in this one mini-program.
    pub open_id: String,
    /// Who they are in everything that the same company runs on the platform, where it says so.
    pub union_id: Option<String>,
}

/// The code that was sent to a phone last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PhoneCode {
    pub(crate) hash: String,
    pub(crate) failures: u32,
    pub(crate) sent_at: Timestamp,
    /// How many were sent since `counted_from`.
    pub(crate) sent: u32,
    pub(crate) counted_from: Timestamp,
    pub(crate) expires_at: Timestamp,
}

const GOOD_FOR: i64 = 5 * MINUTE;
const NOT_BEFORE: i64 = MINUTE;
const MOST_A_DAY: u32 = 10;
const MOST_FAILURES: u32 = 5;

impl PhoneCode {
    /// The next code for a phone, if it is time for one: messages cost money and annoy whose number it really is.
    pub(crate) fn next(last: Option<&Self>, hash: String, now: Timestamp) -> Result<Self, SignInError> {
        let fresh =
            Self { hash, failures: 0, sent_at: now, sent: 1, counted_from: now, expires_at: now.plus_micros(GOOD_FOR) };
        let Some(last) = last.filter(|last| now.micros() - last.counted_from.micros() < DAY) else { return Ok(fresh) };
        let earliest = last.sent_at.plus_micros(NOT_BEFORE);
        if now < earliest {
            return Err(SignInError::TooManyCodes { wait_s: seconds_until(earliest, now) });
        }
        if last.sent >= MOST_A_DAY {
            let tomorrow = last.counted_from.plus_micros(DAY);
            return Err(SignInError::TooManyCodes { wait_s: seconds_until(tomorrow, now) });
        }
        Ok(Self { sent: last.sent + 1, counted_from: last.counted_from, ..fresh })
    }

    /// Whether this is the code. A right one is used up; after five wrong ones none counts any more.
    pub(crate) fn try_code(&mut self, hash: &str, now: Timestamp) -> bool {
        let is_used = self.hash.is_empty();
        let is_right = !is_used && self.hash == hash && self.failures < MOST_FAILURES && now < self.expires_at;
        if is_right {
            self.hash.clear();
        } else {
            self.failures += 1;
        }
        is_right
    }
}

fn seconds_until(then: Timestamp, now: Timestamp) -> i64 {
    (then.micros() - now.micros()).div_euclid(SECOND) + 1
}

/// A phone number as people write it, made one word: `+86 138-0000-1234` is `13800001234`.
pub(crate) fn plain_phone(text: &str) -> Result<String, SignInError> {
    let kept: String = text.chars().filter(|c| !matches!(c, ' ' | '-' | '(' | ')')).collect();
    let plain = kept.strip_prefix("+86").or_else(|| kept.strip_prefix("0086")).unwrap_or(&kept);
    let digits = plain.strip_prefix('+').unwrap_or(plain);
    if (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        Ok(plain.to_owned())
    } else {
        Err(SignInError::InvalidPhone)
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum SignInError {
    #[error("a phone number has 7 to 15 digits, with + and the country first where it is not a Chinese one")]
    InvalidPhone,
    #[error("codes were sent to this phone already; the next one can be sent in {wait_s} seconds")]
    TooManyCodes { wait_s: i64 },
    #[error("the code is wrong, was used, or is older than five minutes; ask for another one")]
    WrongCode,
    #[error("the platform's answer names nobody; let the shopper sign in there again")]
    NoIdentity,
    #[error("there is nobody of this code to sign in as")]
    UnknownCustomer,
    #[error("there is no such shop")]
    UnknownTenant,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for SignInError {
    fn kind(&self) -> Kind {
        match self {
            Self::InvalidPhone => Kind::Invalid,
            Self::TooManyCodes { .. } => Kind::Exhausted,
            Self::WrongCode | Self::NoIdentity => Kind::Unauthenticated,
            Self::UnknownCustomer | Self::UnknownTenant => Kind::NotFound,
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::InvalidPhone => Code::InvalidPhone,
            Self::TooManyCodes { .. } => Code::TooManyCodes,
            Self::WrongCode => Code::WrongCode,
            Self::NoIdentity => Code::WrongCredentials,
            Self::UnknownCustomer => Code::UnknownCustomer,
            Self::UnknownTenant => Code::UnknownTenant,
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::InvalidPhone => "手机号应为 7 到 15 位数字，非中国大陆号码请以 + 和国家代码开头".to_owned(),
            Self::TooManyCodes { wait_s } => format!("验证码发送过于频繁，请在 {wait_s} 秒后再试"),
            Self::WrongCode => "验证码不正确、已使用或已超过五分钟，请重新获取".to_owned(),
            Self::NoIdentity => "平台未返回用户身份，请重新授权登录".to_owned(),
            Self::UnknownCustomer => "没有这个顾客".to_owned(),
            Self::UnknownTenant => "没有这个店铺".to_owned(),
            Self::Store(error) => error.zh(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_000 * DAY);

    #[test]
    fn phones_are_one_word_however_written() {
        for (written, plain) in [
            ("13800001234", Some("13800001234")),
            ("+86 138-0000-1234", Some("13800001234")),
            ("0086 13800001234", Some("13800001234")),
            ("+49 (30) 1234567", Some("+49301234567")),
            ("12345", None),
            ("1380000123x", None),
            ("", None),
        ] {
            assert_eq!(plain_phone(written).ok().as_deref(), plain, "{written}");
        }
    }

    #[test]
    fn codes_are_sent_once_a_minute_and_ten_times_a_day() {
        let mut last = PhoneCode::next(None, "1".into(), NOW).unwrap();
        let soon = PhoneCode::next(Some(&last), "2".into(), NOW.plus_micros(59 * SECOND));
        assert!(matches!(soon, Err(SignInError::TooManyCodes { wait_s: 2 })), "{soon:?}");
        for minute in 1..10 {
            last = PhoneCode::next(Some(&last), "2".into(), NOW.plus_minutes(minute)).unwrap();
        }
        let eleventh = PhoneCode::next(Some(&last), "3".into(), NOW.plus_minutes(60));
        assert!(matches!(eleventh, Err(SignInError::TooManyCodes { .. })));
        assert_eq!(PhoneCode::next(Some(&last), "3".into(), NOW.plus_micros(DAY)).unwrap().sent, 1);
    }

    #[test]
    fn a_code_counts_once_for_five_minutes_and_five_tries() {
        let code = PhoneCode::next(None, "right".into(), NOW).unwrap();
        let mut once = code.clone();
        assert!(once.try_code("right", NOW) && !once.try_code("right", NOW) && !once.try_code("", NOW.plus_micros(-1)));
        assert!(!code.clone().try_code("right", NOW.plus_minutes(5)));
        let mut guessed = code;
        assert!((0..5).all(|_| !guessed.try_code("wrong", NOW)));
        assert!(!guessed.try_code("right", NOW), "five guesses are all there are");
    }
}

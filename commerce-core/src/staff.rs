//! The shop's people: what their role lets them do, and how they prove who they are.

use crate::error::{Code, Failure, Kind};
use crate::id::{Entity, Id};
use crate::permission::{Grants, Permission};
use crate::store::StoreError;
use crate::time::{HOUR, MINUTE, Timestamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: MemberId,
    /// What they sign in with; the name under which the log knows them.
    pub login: String,
    pub name: String,
    pub role: StaffRole,
    pub state: MemberState,
    pub has_second_factor: bool,
    pub created_at: Timestamp,
}

pub type MemberId = Id<Member>;

/// 2 to 40 lower-case letters, digits, dots and hyphens.
pub(crate) fn is_login(text: &str) -> bool {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-');
    (2..=40).contains(&text.len()) && text.bytes().all(fits)
}

impl Entity for Member {
    const PREFIX: &'static str = "mem";
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum MemberState {
    Active,
    /// Signs in no more; what they did keeps their name.
    Dismissed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum StaffRole {
    Owner,
    /// Runs the shop day by day.
    Manager,
    /// Talks with customers: orders, after-sale.
    Clerk,
    /// Sends parcels, counts stock.
    Warehouse,
    /// Money: refunds, disputes, the books.
    Finance,
    /// Goods, prices, marketing rules.
    Marketer,
    /// Looks at everything and changes nothing.
    Auditor,
}

impl StaffRole {
    pub const fn grants(self) -> Grants {
        use Permission as P;
        match self {
            Self::Owner => Grants::ALL,
            Self::Manager => Grants::of(&[
                P::ReadCatalogue,
                P::WriteCatalogue,
                P::WritePrices,
                P::WriteStock,
                P::ReadRules,
                P::WriteRules,
                P::ReadOrders,
                P::WriteOrders,
                P::WriteParcels,
                P::WriteAfterSale,
                P::ReadCustomers,
                P::WriteCustomers,
                P::ReadPersonalData,
                P::WritePayments,
                P::WriteRefunds,
                P::ApproveRefunds,
                P::WriteDisputes,
                P::ReadLedger,
                P::Reconcile,
                P::ReadAudit,
            ]),
            Self::Clerk => Grants::of(&[
                P::ReadCatalogue,
                P::ReadRules,
                P::ReadOrders,
                P::WriteOrders,
                P::WriteAfterSale,
                P::ReadCustomers,
                P::WriteCustomers,
                P::WriteRefunds,
            ]),
            Self::Warehouse => Grants::of(&[
                P::ReadCatalogue,
                P::WriteStock,
                P::ReadOrders,
                P::WriteParcels,
                // Parcels need names and addresses.
                P::ReadPersonalData,
            ]),
            Self::Finance => Grants::of(&[
                P::ReadOrders,
                P::WritePayments,
                P::WriteRefunds,
                P::ApproveRefunds,
                P::WriteDisputes,
                P::ReadLedger,
                P::WriteLedger,
                P::Reconcile,
            ]),
            Self::Marketer => Grants::of(&[
                P::ReadCatalogue,
                P::WriteCatalogue,
                P::WritePrices,
                P::ReadRules,
                P::WriteRules,
                P::ReadCustomers,
            ]),
            Self::Auditor => Grants::of(&[
                P::ReadCatalogue,
                P::ReadRules,
                P::ReadOrders,
                P::ReadCustomers,
                P::ReadLedger,
                P::ReadAudit,
            ]),
        }
    }
}

/// What one of the shop's people proves with who they are. It never leaves the core.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// Argon2id, with its salt and cost.
    pub(crate) password: String,
    pub(crate) factor: SecondFactor,
    pub(crate) failures: u32,
    pub(crate) locked_until: Timestamp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct SecondFactor {
    /// How often one was set up, 0 for none.
    pub(crate) generation: i64,
    /// Whether its owner has shown a code of it.
    pub(crate) is_confirmed: bool,
    /// The step of the clock whose code was used last: no code counts twice.
    pub(crate) last_step: i64,
}

const FAILURES_AT_ONCE: u32 = 5;

impl Proof {
    /// After every five failures the door stays shut, each time longer: nobody tries a thousand passwords.
    pub(crate) fn fail(&mut self, now: Timestamp) {
        self.failures += 1;
        if self.failures.is_multiple_of(FAILURES_AT_ONCE) {
            let times = (self.failures / FAILURES_AT_ONCE - 1).min(5);
            self.locked_until = now.plus_micros(((15 * MINUTE) << times).min(8 * HOUR));
        }
    }

    pub(crate) fn succeed(&mut self) {
        self.failures = 0;
        self.locked_until = Timestamp::from_micros(0);
    }
}

/// A key with which a program acts for the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: String,
    /// Its last letters, so that people know which one it is.
    pub tail: String,
    pub grants: Grants,
    pub made_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

pub type ApiKeyId = Id<ApiKey>;

impl Entity for ApiKey {
    const PREFIX: &'static str = "key";
}

impl ApiKey {
    /// As whom the log knows the program: names may repeat, ids do not.
    pub(crate) fn signature(&self) -> String {
        format!("key:{}", self.id)
    }
}

/// What no key may be granted: it takes a person.
pub const FOR_PEOPLE_ONLY: Grants =
    Grants::of(&[Permission::ApproveRefunds, Permission::WriteStaff, Permission::WriteKeys]);

#[derive(Clone, Debug, thiserror::Error)]
pub enum StaffError {
    #[error("the login or the password is wrong")]
    WrongCredentials,
    #[error("too many wrong tries; wait until {until}, or ask the owner of the shop for a new password")]
    Locked { until: Timestamp },
    #[error("a code of the second factor is needed, too")]
    SecondFactorNeeded,
    #[error("the code of the second factor is wrong or was used already; take the next one")]
    WrongSecondFactor,
    #[error("nobody is signed in with this, or no longer; sign in again")]
    NotSignedIn,
    #[error("a login is 2 to 40 lower-case letters, digits, dots and hyphens")]
    InvalidLogin,
    #[error("a password has 12 to 200 characters and is neither the login nor one letter over and over")]
    WeakPassword,
    #[error("a key has a name of 1 to 80 characters and is good for 1 to 730 days")]
    InvalidKey,
    #[error("somebody has this login already")]
    LoginTaken,
    #[error("there is nobody of this id among the shop's people")]
    UnknownMember,
    #[error("there is no such key, or it was revoked")]
    UnknownKey,
    #[error("`{permission}` is more than you may yourself, or nothing for a key")]
    MoreThanYouMay { permission: Permission },
    #[error("a shop keeps at least one owner; make somebody else an owner first")]
    LastOwner,
    #[error("somebody else who manages staff has to do this for you; change your own password with the old one")]
    NotForYourself,
    #[error("there is a second factor already, or none was begun")]
    SecondFactorInUse,
    #[error("no master key is loaded, which second factors need; start the service with one")]
    NoMasterKey,
    #[error(transparent)]
    NotAllowed(#[from] crate::caller::NotAllowed),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for StaffError {
    fn kind(&self) -> Kind {
        match self {
            Self::WrongCredentials | Self::SecondFactorNeeded | Self::WrongSecondFactor | Self::NotSignedIn => {
                Kind::Unauthenticated
            }
            Self::Locked { .. } => Kind::Exhausted,
            Self::InvalidLogin | Self::WeakPassword | Self::InvalidKey => Kind::Invalid,
            Self::LoginTaken | Self::LastOwner | Self::SecondFactorInUse => Kind::Conflict,
            Self::UnknownMember | Self::UnknownKey => Kind::NotFound,
            Self::MoreThanYouMay { .. } | Self::NotForYourself => Kind::Forbidden,
            Self::NoMasterKey => Kind::Unavailable,
            Self::NotAllowed(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::WrongCredentials => Code::WrongCredentials,
            Self::Locked { .. } => Code::SignInLocked,
            Self::SecondFactorNeeded => Code::SecondFactorNeeded,
            Self::WrongSecondFactor => Code::WrongSecondFactor,
            Self::NotSignedIn => Code::NotSignedIn,
            Self::InvalidLogin | Self::WeakPassword | Self::InvalidKey => Code::InvalidRequest,
            Self::LoginTaken => Code::DuplicateName,
            Self::UnknownMember => Code::UnknownMember,
            Self::UnknownKey => Code::UnknownKey,
            Self::MoreThanYouMay { .. } | Self::NotForYourself => Code::NotAllowed,
            Self::LastOwner => Code::LastOwner,
            Self::SecondFactorInUse => Code::SecondFactorInUse,
            Self::NoMasterKey => Code::NoMasterKey,
            Self::NotAllowed(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::WrongCredentials => "用户名或密码不正确".to_owned(),
            Self::Locked { until } => format!("尝试次数过多，请于 {until} 之后再试，或请店主重设密码"),
            Self::SecondFactorNeeded => "还需要输入动态验证码".to_owned(),
            Self::WrongSecondFactor => "动态验证码不正确或已使用，请输入下一个".to_owned(),
            Self::NotSignedIn => "未登录或登录已失效，请重新登录".to_owned(),
            Self::InvalidLogin => "用户名由 2 到 40 个小写字母、数字、点或连字符组成".to_owned(),
            Self::WeakPassword => "密码需 12 到 200 个字符，且不能与用户名相同或为同一字符重复".to_owned(),
            Self::InvalidKey => "密钥需要 1 到 80 个字符的名称，有效期 1 到 730 天".to_owned(),
            Self::LoginTaken => "该用户名已被使用".to_owned(),
            Self::UnknownMember => "没有这位店铺人员".to_owned(),
            Self::UnknownKey => "没有这个密钥，或已被吊销".to_owned(),
            Self::MoreThanYouMay { permission } => format!("权限 `{permission}` 超出您自己的权限，或不可授予密钥"),
            Self::LastOwner => "店铺至少保留一位店主，请先指定另一位店主".to_owned(),
            Self::NotForYourself => "此操作须由其他有权限的人员为您完成；修改自己的密码请提供原密码".to_owned(),
            Self::SecondFactorInUse => "动态验证码已启用，或尚未开始设置".to_owned(),
            Self::NoMasterKey => "未加载主密钥，无法使用动态验证码，请带主密钥启动服务".to_owned(),
            Self::NotAllowed(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn the_door_stays_shut_longer_each_time() {
        let now = Timestamp::from_micros(1_000_000);
        let none = Timestamp::from_micros(0);
        let factor = SecondFactor::default();
        let mut proof = Proof { password: String::new(), factor, failures: 0, locked_until: none };
        let mut shut_for = Vec::new();
        for failure in 1..=40 {
            proof.fail(now);
            if failure % 5 == 0 {
                shut_for.push((proof.locked_until.micros() - now.micros()) / MINUTE);
            } else if failure < 5 {
                assert_eq!(proof.locked_until, none);
            }
        }
        assert_eq!(shut_for, [15, 30, 60, 120, 240, 480, 480, 480]);
        proof.succeed();
        assert_eq!((proof.failures, proof.locked_until), (0, none));
    }

    #[test]
    fn only_owners_manage_people_and_keys() {
        for role in StaffRole::iter().filter(|role| *role != StaffRole::Owner) {
            for permission in [Permission::WriteStaff, Permission::WriteKeys] {
                assert!(!role.grants().contains(permission), "{role}");
            }
        }
        assert_eq!(StaffRole::Owner.grants(), Grants::ALL);
    }
}

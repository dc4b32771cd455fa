//! Signing in: a password, a second factor where there is one, and the token that stands for both from then on.

use super::{Desk, Shop};
use crate::caller::Caller;
use crate::event::EventName;
use crate::permission::Grants;
use crate::secret::{Codes, Secret, hash_password, hash_token, is_password};
use crate::staff::{Member, MemberState, SecondFactor, StaffError, is_login};
use crate::store::{Conn, Person, StoreError};
use crate::tenant::TenantId;
use crate::time::{HOUR, Timestamp};
use std::sync::LazyLock;
use tokio::sync::Semaphore;

/// Somebody who has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    pub member: Member,
    /// What their client shows from now on; the shop keeps only a hash of it.
    pub token: Secret,
    pub expires_at: Timestamp,
}

/// A second factor that counts as soon as its owner has shown a code of it.
#[derive(Clone, Debug)]
pub struct NewSecondFactor {
    /// For typing into an app, in base 32.
    pub secret: Secret,
    /// The same for scanning.
    pub url: Secret,
}

const SESSION: i64 = 12 * HOUR;
pub(super) const SESSION_PREFIX: &str = "zgs_";
pub(super) const KEY_PREFIX: &str = "zgk_";
pub(super) const SHOPPER_PREFIX: &str = "zgc_";
/// Of 32 letters each: nobody guesses 160 bits.
const TOKEN_LENGTH: usize = 32;
const FACTOR: &str = "second factor";

/// Each takes 19 MiB and a core for some 20 ms: a crowd at the door must not take the whole machine.
static HASHING: Semaphore = Semaphore::const_new(4);
/// What the password of somebody unknown is compared with, so that the answer takes as long.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash_password("nobody", &[0; 16]).unwrap_or_default());
/// In bytes: 200 letters of any language.
const LONGEST_PASSWORD: usize = 800;

impl Shop {
    /// Signs somebody of the shop in. Where they have a second factor, its code is needed, too.
    pub async fn sign_in(
        &self,
        tenant: TenantId,
        login: &str,
        password: &str,
        code: Option<&str>,
    ) -> Result<SignedIn, StaffError> {
        if !is_login(login) {
            return Err(StaffError::WrongCredentials);
        }
        let desk = &*self.desk;
        let known = desk.store.read().await?.person_by_login(tenant, login).await?;
        let known = known.filter(|person| person.member.state == MemberState::Active);
        let kept = known.as_ref().map(|person| person.proof.password.clone());
        let is_right = compare(password, kept.clone()).await;
        let (Some(known), Some(kept)) = (known, kept) else { return Err(StaffError::WrongCredentials) };
        let (id, kept, token) = (known.member.id, &kept, &desk.token(SESSION_PREFIX));
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let mut person = tx.person(tenant, id).await?.ok_or(StaffError::WrongCredentials)?;
                let proof = &mut person.proof;
                if proof.locked_until > now {
                    return Err(StaffError::Locked { until: proof.locked_until });
                }
                // Dismissed, or given another password, while this one was compared.
                if person.member.state != MemberState::Active || proof.password != *kept {
                    return Err(StaffError::WrongCredentials);
                }
                if let Err(wrong) = desk.check(&mut person, is_right, code, now) {
                    if matches!(wrong, StaffError::WrongCredentials | StaffError::WrongSecondFactor) {
                        person.proof.fail(now);
                        tx.save_person(tenant, &person, now).await?;
                        return Ok(tx.keep(Err(wrong)).await?);
                    }
                    return Err(wrong);
                }
                person.proof.succeed();
                tx.save_person(tenant, &person, now).await?;
                let expires_at = now.plus_micros(SESSION);
                tx.insert_session(tenant, id, &hash_token(token.reveal()), (now, expires_at)).await?;
                let caller = Caller::staff(tenant).named(&person.member.login);
                super::staff::tell(desk, &mut tx, &caller, EventName::StaffSignedIn, &person.member).await?;
                let (token, member) = (token.clone(), person.member);
                Ok(tx.keep(Ok(SignedIn { member, token, expires_at })).await?)
            })
            .await?
    }

    /// Forgets this token.
    pub async fn sign_out(&self, token: &str) -> Result<(), StaffError> {
        let (hash, is_shopper) = (&hash_token(token), token.starts_with(SHOPPER_PREFIX));
        self.desk
            .store
            .write(move |mut tx| async move {
                if is_shopper {
                    tx.end_shopper_session(hash).await?;
                } else {
                    tx.end_session(hash).await?;
                }
                Ok(tx.keep(()).await?)
            })
            .await
    }

    /// Forgets the tokens whose time is over.
    pub(super) async fn forget_sessions(&self) -> Result<(), StoreError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                match tx.forget_sessions(now).await? + tx.forget_shopper_sessions(now).await? {
                    0 => Ok(tx.leave(())),
                    _ => tx.keep(()).await,
                }
            })
            .await
    }

    /// Whoever shows this token, with what they may do: a shopper, somebody of the shop, or a program with a key.
    pub async fn recognise(&self, token: &str) -> Result<Caller, StaffError> {
        let (hash, now) = (hash_token(token), self.now());
        let mut conn = self.desk.store.read().await?;
        if token.starts_with(SHOPPER_PREFIX) {
            let (tenant, customer) = conn.shopper_signed_in(&hash, now).await?.ok_or(StaffError::NotSignedIn)?;
            return Ok(Caller::shopper(tenant, customer));
        }
        if token.starts_with(KEY_PREFIX) {
            let (tenant, key) = conn.key_of_hash(&hash, now).await?.ok_or(StaffError::NotSignedIn)?;
            return Ok(Caller::staff(tenant).granted(key.grants).named(&key.signature()));
        }
        let (tenant, person) = conn.signed_in(&hash, now).await?.ok_or(StaffError::NotSignedIn)?;
        let settings = conn.tenant(tenant).await?.ok_or(StaffError::NotSignedIn)?.settings;
        let is_proved = person.member.has_second_factor || !settings.second_factor_needed;
        // Who has none where one is needed can do nothing but set one up.
        let grants = if is_proved { person.member.role.grants() } else { Grants::NONE };
        Ok(Caller::staff(tenant).granted(grants).named(&person.member.login))
    }

    /// Gives whoever asks a new password. They are signed out everywhere.
    pub async fn change_password(&self, caller: &Caller, old: &str, new: &str) -> Result<(), StaffError> {
        let desk = &*self.desk;
        let kept = &own(&mut desk.store.read().await?, caller).await?.proof.password;
        let is_right = compare(old, Some(kept.clone())).await;
        let new = &desk.hashed(&caller.who, new).await?;
        desk.store
            .write(move |mut tx| async move {
                let (mut person, now) = (own(&mut tx, caller).await?, desk.now());
                if person.proof.locked_until > now {
                    return Err(StaffError::Locked { until: person.proof.locked_until });
                }
                // A stolen session must not be the way to try passwords.
                if !is_right || person.proof.password != *kept {
                    person.proof.fail(now);
                    tx.save_person(caller.tenant, &person, now).await?;
                    return Ok(tx.keep(Err(StaffError::WrongCredentials)).await?);
                }
                person.proof.password.clone_from(new);
                tx.save_person(caller.tenant, &person, now).await?;
                tx.end_sessions_of(caller.tenant, person.member.id).await?;
                super::staff::tell(desk, &mut tx, caller, EventName::StaffPasswordChanged, &person.member).await?;
                Ok(tx.keep(Ok(())).await?)
            })
            .await?
    }

    /// Makes a second factor for whoever asks. It counts once [`Shop::confirm_second_factor`] has seen a code of it.
    pub async fn begin_second_factor(&self, caller: &Caller) -> Result<NewSecondFactor, StaffError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut person = own(&mut tx, caller).await?;
                if person.proof.factor.is_confirmed {
                    return Err(StaffError::SecondFactorInUse);
                }
                person.proof.factor =
                    SecondFactor { generation: person.proof.factor.generation + 1, ..SecondFactor::default() };
                tx.save_person(caller.tenant, &person, desk.now()).await?;
                let secret = desk.codes(&person)?.secret();
                let tenant = tx.tenant(caller.tenant).await?.ok_or(StaffError::NotSignedIn)?;
                let url = format!("otpauth://totp/{}:{}?secret={secret}&issuer={0}", tenant.code, person.member.login);
                Ok(tx.keep(NewSecondFactor { secret: Secret::new(secret), url: Secret::new(url) }).await?)
            })
            .await
    }

    /// The owner of a new second factor shows that their app has it, and signs in again with it.
    pub async fn confirm_second_factor(&self, caller: &Caller, code: &str) -> Result<(), StaffError> {
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let mut person = own(&mut tx, caller).await?;
                if person.proof.factor.is_confirmed || person.proof.factor.generation == 0 {
                    return Err(StaffError::SecondFactorInUse);
                }
                let step = desk.codes(&person)?.step_of(code, seconds(desk.now()));
                let step = step.filter(|step| *step > person.proof.factor.last_step);
                person.proof.factor.last_step = step.ok_or(StaffError::WrongSecondFactor)?;
                person.proof.factor.is_confirmed = true;
                person.member.has_second_factor = true;
                tx.save_person(caller.tenant, &person, desk.now()).await?;
                // Whoever signed in with the password alone has not shown a code.
                tx.end_sessions_of(caller.tenant, person.member.id).await?;
                super::staff::tell(desk, &mut tx, caller, EventName::StaffSecondFactorSet, &person.member).await?;
                Ok(tx.keep(()).await?)
            })
            .await
    }
}

/// The one of the shop's people who asks. A program is nobody.
async fn own(conn: &mut Conn, caller: &Caller) -> Result<Person, StaffError> {
    conn.person_by_login(caller.tenant, &caller.who).await?.ok_or(StaffError::NotSignedIn)
}

async fn compare(password: &str, kept: Option<String>) -> bool {
    // Longer ones are nobody's.
    if password.len() > LONGEST_PASSWORD {
        return false;
    }
    let password = password.to_owned();
    one_of_few(move || is_password(&password, kept.as_deref().unwrap_or(&NOBODY))).await.unwrap_or(false)
}

/// [`hash_password`] where nobody waits behind it.
pub(super) async fn hashed(password: &str, salt: [u8; 16]) -> Result<String, StaffError> {
    let password = password.to_owned();
    one_of_few(move || hash_password(&password, &salt)).await.flatten().ok_or(StaffError::WeakPassword)
}

/// Does it where nobody waits behind it. Its turn lasts until it is done, even if whoever asked has gone away.
async fn one_of_few<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let turn = HASHING.acquire().await.ok()?;
    let done = tokio::task::spawn_blocking(move || {
        let _until_done = turn;
        work()
    });
    done.await.ok()
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.millis() / 1_000).unwrap_or(0)
}

impl Desk {
    pub(super) fn token(&self, prefix: &str) -> Secret {
        Secret::new(format!("{prefix}{}", self.mint.code(TOKEN_LENGTH)))
    }

    fn codes(&self, person: &Person) -> Result<Codes, StaffError> {
        let master = self.master.get().ok_or(StaffError::NoMasterKey)?;
        let secret = master.derive(FACTOR, person.member.id, person.proof.factor.generation);
        Codes::of(&secret).ok_or(StaffError::NoMasterKey)
    }

    /// Whether the password was right and the code is, where one is needed; a code that is right is used up.
    fn check(
        &self,
        person: &mut Person,
        password_is_right: bool,
        code: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StaffError> {
        if !password_is_right {
            return Err(StaffError::WrongCredentials);
        }
        if !person.proof.factor.is_confirmed {
            return Ok(());
        }
        let code = code.ok_or(StaffError::SecondFactorNeeded)?;
        let step = self.codes(person)?.step_of(code, seconds(now));
        let step = step.filter(|step| *step > person.proof.factor.last_step);
        person.proof.factor.last_step = step.ok_or(StaffError::WrongSecondFactor)?;
        Ok(())
    }
}

//! The shop's people: who is taken on, with which role, and who leaves.

use super::api_keys::revoke;
use super::sign_in::hashed;
use super::{Desk, Shop};
use crate::caller::Caller;
use crate::event::{Event, EventName};
use crate::permission::{Grants, Permission};
use crate::staff::{ApiKey, Member, MemberId, MemberState, Proof, SecondFactor, StaffError, StaffRole, is_login};
use crate::store::{Person, StoreError, Tx};
use crate::time::Timestamp;
use serde_json::json;

/// Somebody who is to be taken on.
#[derive(Clone)]
pub struct NewMember<'a> {
    pub login: &'a str,
    pub name: &'a str,
    pub role: StaffRole,
    /// Their first one; they had better change it.
    pub password: &'a str,
}

impl Shop {
    /// Takes somebody on.
    pub async fn hire(&self, caller: &Caller, new: NewMember<'_>) -> Result<Member, StaffError> {
        caller.may(Permission::WriteStaff)?;
        may_hand_on(caller.grants, new.role.grants())?;
        if !is_login(new.login) {
            return Err(StaffError::InvalidLogin);
        }
        let desk = &*self.desk;
        let password = desk.hashed(new.login, new.password).await?;
        let now = desk.now();
        let member = Member {
            id: desk.id(now),
            login: new.login.to_owned(),
            name: new.name.chars().take(80).collect(),
            role: new.role,
            state: MemberState::Active,
            has_second_factor: false,
            created_at: now,
        };
        let factor = SecondFactor::default();
        let proof = Proof { password, factor, failures: 0, locked_until: Timestamp::from_micros(0) };
        let person = &Person { member, proof, version: 1 };
        desk.store
            .write(move |mut tx| async move {
                if !tx.insert_person(caller.tenant, person).await? {
                    return Err(StaffError::LoginTaken);
                }
                tell(desk, &mut tx, caller, EventName::StaffHired, &person.member).await?;
                Ok(tx.keep(person.member.clone()).await?)
            })
            .await
    }

    /// Everybody who works or worked for the shop, by login.
    pub async fn members(&self, caller: &Caller) -> Result<Vec<Member>, StaffError> {
        caller.may(Permission::WriteStaff)?;
        let people = self.desk.store.read().await?.people(caller.tenant).await?;
        Ok(people.into_iter().map(|person| person.member).collect())
    }

    /// Gives somebody another role. They have to sign in anew.
    pub async fn change_role(&self, caller: &Caller, id: MemberId, role: StaffRole) -> Result<Member, StaffError> {
        may_hand_on(caller.grants, role.grants())?;
        self.change(caller, id, EventName::StaffRoleChanged, |person| person.member.role = role).await
    }

    /// Somebody leaves: whatever they are signed in with ends with this.
    pub async fn dismiss(&self, caller: &Caller, id: MemberId) -> Result<Member, StaffError> {
        self.change(caller, id, EventName::StaffDismissed, |person| person.member.state = MemberState::Dismissed).await
    }

    /// Gives somebody a new password, who forgot theirs or is locked out.
    pub async fn reset_password(&self, caller: &Caller, id: MemberId, password: &str) -> Result<Member, StaffError> {
        caller.may(Permission::WriteStaff)?;
        let person = self.desk.store.read().await?.person(caller.tenant, id).await?;
        let login = person.ok_or(StaffError::UnknownMember)?.member.login;
        // Or whoever steals a session of theirs could keep the account for good.
        somebody_else(caller, &login)?;
        let hash = &self.desk.hashed(&login, password).await?;
        self.change(caller, id, EventName::StaffPasswordReset, |person| {
            person.proof.password.clone_from(hash);
            person.proof.succeed();
        })
        .await
    }

    /// Takes the second factor from somebody who lost their phone.
    pub async fn drop_second_factor(&self, caller: &Caller, id: MemberId) -> Result<Member, StaffError> {
        let person = self.desk.store.read().await?.person(caller.tenant, id).await?;
        somebody_else(caller, &person.ok_or(StaffError::UnknownMember)?.member.login)?;
        self.change(caller, id, EventName::StaffSecondFactorDropped, |person| {
            // The app on that phone shows codes of the generation before.
            person.proof.factor.generation += 1;
            person.proof.factor.is_confirmed = false;
            person.member.has_second_factor = false;
        })
        .await
    }

    async fn change(
        &self,
        caller: &Caller,
        id: MemberId,
        event: EventName,
        change: impl Fn(&mut Person),
    ) -> Result<Member, StaffError> {
        caller.may(Permission::WriteStaff)?;
        let (desk, change) = (&*self.desk, &change);
        desk.store
            .write(move |mut tx| async move {
                let mut people = tx.people(caller.tenant).await?;
                let place = people.iter().position(|person| person.member.id == id);
                let mut person = people.swap_remove(place.ok_or(StaffError::UnknownMember)?);
                may_hand_on(caller.grants, person.member.role.grants())?;
                let (was_owner, now) = (is_owner(&person), desk.now());
                change(&mut person);
                if was_owner && !is_owner(&person) {
                    // Saving whoever stays, too, makes one of two who send each other away look again.
                    let stays = people.iter().find(|other| is_owner(other)).ok_or(StaffError::LastOwner)?;
                    tx.save_person(caller.tenant, stays, now).await?;
                }
                tx.save_person(caller.tenant, &person, now).await?;
                tx.end_sessions_of(caller.tenant, id).await?;
                // What they may not do any more, the keys they made may not do for them.
                let may_still = |key: &ApiKey| is_active(&person) && person.member.role.grants().includes(key.grants);
                for key in tx.keys(caller.tenant).await? {
                    if key.made_by == person.member.login && key.revoked_at.is_none() && !may_still(&key) {
                        revoke(desk, &mut tx, caller, key.id).await?;
                    }
                }
                tell(desk, &mut tx, caller, event, &person.member).await?;
                Ok(tx.keep(person.member).await?)
            })
            .await
    }
}

fn is_active(person: &Person) -> bool {
    person.member.state == MemberState::Active
}

fn is_owner(person: &Person) -> bool {
    person.member.role == StaffRole::Owner && is_active(person)
}

fn somebody_else(caller: &Caller, login: &str) -> Result<(), StaffError> {
    if caller.who == login { Err(StaffError::NotForYourself) } else { Ok(()) }
}

/// Nobody hands on, or takes away, what they may not do themselves.
pub(super) fn may_hand_on(own: Grants, wanted: Grants) -> Result<(), StaffError> {
    match wanted.iter().find(|permission| !own.contains(*permission)) {
        None => Ok(()),
        Some(permission) => Err(StaffError::MoreThanYouMay { permission }),
    }
}

pub(super) async fn tell(
    desk: &Desk,
    tx: &mut Tx,
    caller: &Caller,
    name: EventName,
    member: &Member,
) -> Result<(), StoreError> {
    let now = desk.now();
    let payload = json!({ "login": member.login, "role": member.role.to_string(), "state": member.state.to_string() });
    tx.record(caller.tenant, &[Event::new(desk.id(now), name, member.id, caller, now, payload)]).await
}

impl Desk {
    /// A password as it is kept, if it is one.
    pub(super) async fn hashed(&self, login: &str, password: &str) -> Result<String, StaffError> {
        let letters = password.chars().count();
        let first = password.chars().next();
        let is_one_letter = password.chars().all(|letter| Some(letter) == first);
        if !(12..=200).contains(&letters) || is_one_letter || password == login {
            return Err(StaffError::WeakPassword);
        }
        hashed(password, self.mint.bytes()).await
    }
}

//! API keys: with what programs act for the shop, and how far.

use super::sign_in::KEY_PREFIX;
use super::staff::may_hand_on;
use super::{Desk, Shop};
use crate::caller::Caller;
use crate::event::{Event, EventName};
use crate::permission::{Grants, Permission};
use crate::secret::{Secret, hash_token};
use crate::staff::{ApiKey, ApiKeyId, FOR_PEOPLE_ONLY, StaffError};
use crate::store::{StoreError, Tx};
use crate::time::DAY;
use serde_json::json;

/// A new key and its text, which is told this once.
#[derive(Clone, Debug)]
pub struct IssuedKey {
    pub key: ApiKey,
    pub text: Secret,
}

const LONGEST_NAME: usize = 80;
const MOST_DAYS: u32 = 730;

impl Shop {
    /// Makes a key for a program, good for so many days.
    pub async fn issue_key(
        &self,
        caller: &Caller,
        name: &str,
        grants: Grants,
        days: u32,
    ) -> Result<IssuedKey, StaffError> {
        caller.may(Permission::WriteKeys)?;
        may_hand_on(caller.grants, grants)?;
        if let Some(permission) = grants.iter().find(|permission| FOR_PEOPLE_ONLY.contains(*permission)) {
            return Err(StaffError::MoreThanYouMay { permission });
        }
        let is_name = !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
        if !is_name || !(1..=MOST_DAYS).contains(&days) {
            return Err(StaffError::InvalidKey);
        }
        let desk = &*self.desk;
        let issued = &desk.new_key(caller, name, grants, i64::from(days) * DAY);
        desk.store
            .write(move |mut tx| async move {
                keep(desk, &mut tx, caller, issued).await?;
                Ok(tx.keep(issued.clone()).await?)
            })
            .await
    }

    /// A new text for a key whose old one may be known to somebody; the old one ends at once.
    pub async fn rotate_key(&self, caller: &Caller, id: ApiKeyId) -> Result<IssuedKey, StaffError> {
        caller.may(Permission::WriteKeys)?;
        let desk = &*self.desk;
        let keys = desk.store.read().await?.keys(caller.tenant).await?;
        let old = keys.into_iter().find(|key| key.id == id).ok_or(StaffError::UnknownKey)?;
        may_hand_on(caller.grants, old.grants)?;
        let lasts = old.expires_at.micros() - old.created_at.micros();
        let issued = &desk.new_key(caller, &old.name, old.grants, lasts);
        desk.store
            .write(move |mut tx| async move {
                revoke(desk, &mut tx, caller, id).await?;
                keep(desk, &mut tx, caller, issued).await?;
                Ok(tx.keep(issued.clone()).await?)
            })
            .await
    }

    /// Ends a key now.
    pub async fn revoke_key(&self, caller: &Caller, id: ApiKeyId) -> Result<(), StaffError> {
        caller.may(Permission::WriteKeys)?;
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                revoke(desk, &mut tx, caller, id).await?;
                Ok(tx.keep(()).await?)
            })
            .await
    }

    /// All keys, newest first; never their text.
    pub async fn keys(&self, caller: &Caller) -> Result<Vec<ApiKey>, StaffError> {
        caller.may(Permission::WriteKeys)?;
        Ok(self.desk.store.read().await?.keys(caller.tenant).await?)
    }
}

async fn keep(desk: &Desk, tx: &mut Tx, caller: &Caller, issued: &IssuedKey) -> Result<(), StoreError> {
    tx.insert_key(caller.tenant, &issued.key, &hash_token(issued.text.reveal())).await?;
    let permissions: Vec<String> = issued.key.grants.iter().map(|permission| permission.to_string()).collect();
    let payload = json!({ "name": issued.key.name, "tail": issued.key.tail, "permissions": permissions });
    let at = issued.key.created_at;
    let event = Event::new(desk.id(at), EventName::ApiKeyIssued, issued.key.id, caller, at, payload);
    tx.record(caller.tenant, &[event]).await
}

pub(super) async fn revoke(desk: &Desk, tx: &mut Tx, caller: &Caller, id: ApiKeyId) -> Result<(), StaffError> {
    let now = desk.now();
    if !tx.revoke_key(caller.tenant, id, now).await? {
        return Err(StaffError::UnknownKey);
    }
    let event = Event::new(desk.id(now), EventName::ApiKeyRevoked, id, caller, now, json!({}));
    Ok(tx.record(caller.tenant, &[event]).await?)
}

impl Desk {
    fn new_key(&self, caller: &Caller, name: &str, grants: Grants, lasts: i64) -> IssuedKey {
        let (now, text) = (self.now(), self.token(KEY_PREFIX));
        let key = ApiKey {
            id: self.id(now),
            name: name.to_owned(),
            tail: text.reveal()[text.reveal().len() - 4..].to_owned(),
            grants,
            made_by: caller.who.clone(),
            created_at: now,
            expires_at: now.plus_micros(lasts),
            revoked_at: None,
        };
        IssuedKey { key, text }
    }
}

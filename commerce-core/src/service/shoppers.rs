//! Shoppers who sign in. Who they are is proved outside, by their platform, or by the code that was sent to their phone.

use super::sign_in::SHOPPER_PREFIX;
use super::{Desk, Shop};
use crate::caller::Caller;
use crate::catalog::id_of_code;
use crate::customer::{Customer, Level};
use crate::event::{Event, EventName};
use crate::ledger::hex;
use crate::secret::{Secret, hash_token};
use crate::shopper::{PhoneCode, PlatformIdentity, ShopperSignedIn, SignInError, plain_phone};
use crate::store::Tx;
use crate::tenant::TenantId;
use crate::time::{DAY, Timestamp};
use serde_json::json;
use sha2::{Digest, Sha256};

const SESSION: i64 = 30 * DAY;
const PHONE: &str = "phone";
const DEMO: &str = "demo";

impl Shop {
    /// Signs in whom a platform has vouched for. Whoever comes for the first time becomes a customer; whoever came through
    /// another mini-program of the same company is known again.
    pub async fn sign_in_by_platform(
        &self,
        tenant: TenantId,
        identity: &PlatformIdentity,
    ) -> Result<ShopperSignedIn, SignInError> {
        let too_long = |id: &String| id.is_empty() || id.len() > 128;
        if too_long(&identity.open_id) || identity.union_id.as_ref().is_some_and(too_long) {
            return Err(SignInError::NoIdentity);
        }
        let desk = &*self.desk;
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let union = format!("{}-union", identity.platform);
                let mut known = tx.customer_of_identity(tenant, &identity.platform, &identity.open_id).await?;
                if let (None, Some(union_id)) = (&known, &identity.union_id) {
                    known = tx.customer_of_identity(tenant, &union, union_id).await?;
                }
                let is_new = known.is_none();
                let customer = match known {
                    Some(customer) => customer,
                    None => desk.welcome(&mut tx, tenant, "", now).await?,
                };
                let mine = (identity.platform.as_str(), identity.open_id.as_str());
                // Their twin, a moment earlier, is the customer they are.
                if !tx.insert_identity(tenant, mine, customer.id, now).await? && is_new {
                    return Err(tx.lost_a_race().into());
                }
                if let Some(union_id) = &identity.union_id
                    && !tx.insert_identity(tenant, (&union, union_id), customer.id, now).await?
                    && is_new
                {
                    return Err(tx.lost_a_race().into());
                }
                let signed_in = desk.open_session(&mut tx, tenant, customer, &identity.platform, now).await?;
                Ok(tx.keep(signed_in).await?)
            })
            .await
    }

    /// Makes the code that is to be sent to this phone now. Whether the shop knows the number is not said.
    pub async fn phone_code(&self, tenant: TenantId, phone: &str) -> Result<Secret, SignInError> {
        let phone = plain_phone(phone)?;
        let desk = &*self.desk;
        let code = desk.mint.digits(6);
        let (who, code_hash) = (&phone_hash(tenant, &phone), &code_hash(tenant, &phone, &code));
        desk.store
            .write(move |mut tx| async move {
                tx.tenant(tenant).await?.ok_or(SignInError::UnknownTenant)?;
                let last = tx.phone_code(tenant, who).await?;
                let next = PhoneCode::next(last.as_ref(), code_hash.clone(), desk.now())?;
                tx.save_phone_code(tenant, who, &next).await?;
                Ok::<_, SignInError>(tx.keep(()).await?)
            })
            .await?;
        Ok(Secret::new(code))
    }

    /// Signs in whoever knows the code that was sent to a phone. Whoever is new becomes a customer.
    pub async fn sign_in_by_phone(
        &self,
        tenant: TenantId,
        phone: &str,
        code: &str,
    ) -> Result<ShopperSignedIn, SignInError> {
        let phone = &plain_phone(phone)?;
        let desk = &*self.desk;
        let (who, code_hash) = (&phone_hash(tenant, phone), &code_hash(tenant, phone, code));
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let Some(sent) = tx.phone_code(tenant, who).await? else { return Err(SignInError::WrongCode) };
                let mut tried = sent.clone();
                let is_right = tried.try_code(code_hash, now);
                tx.save_tried_code(tenant, who, (&sent, &tried)).await?;
                if !is_right {
                    return Ok(tx.keep(Err(SignInError::WrongCode)).await?);
                }
                let known = match tx.customer_of_identity(tenant, PHONE, who).await? {
                    Some(customer) => Some(customer),
                    None => tx.customer_of_phone(tenant, phone).await?,
                };
                let is_new = known.is_none();
                let customer = match known {
                    Some(customer) => customer,
                    None => desk.welcome(&mut tx, tenant, phone, now).await?,
                };
                if !tx.insert_identity(tenant, (PHONE, who), customer.id, now).await? && is_new {
                    return Err(tx.lost_a_race().into());
                }
                let signed_in = desk.open_session(&mut tx, tenant, customer, PHONE, now).await?;
                Ok(tx.keep(Ok(signed_in)).await?)
            })
            .await?
    }

    /// Signs in as a customer of the demo shop, without any proof. The service offers it for that shop alone.
    pub async fn sign_in_as_demo(&self, tenant: TenantId, customer_code: &str) -> Result<ShopperSignedIn, SignInError> {
        let (desk, customer) = (&*self.desk, id_of_code(tenant, customer_code));
        desk.store
            .write(move |mut tx| async move {
                let customer = tx.customer(tenant, customer).await?.ok_or(SignInError::UnknownCustomer)?;
                let signed_in = desk.open_session(&mut tx, tenant, customer, DEMO, desk.now()).await?;
                Ok(tx.keep(signed_in).await?)
            })
            .await
    }
}

impl Desk {
    /// Makes somebody new a customer.
    async fn welcome(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        phone: &str,
        now: Timestamp,
    ) -> Result<Customer, SignInError> {
        tx.tenant(tenant).await?.ok_or(SignInError::UnknownTenant)?;
        // No name, no number: a code is read by many.
        let code = format!("S{}", self.mint.code(10));
        let customer = Customer {
            id: id_of_code(tenant, &code),
            code,
            name: String::new(),
            phone: phone.to_owned(),
            email: String::new(),
            level: Level::Regular,
            tags: Vec::new(),
            created_at: now,
        };
        tx.upsert_customers(tenant, std::slice::from_ref(&customer)).await?;
        let caller = Caller::shopper(tenant, customer.id);
        let told = json!({ "level": customer.level.to_string() });
        let event = Event::new(self.id(now), EventName::CustomerChanged, customer.id, &caller, now, told);
        tx.record(tenant, &[event]).await?;
        Ok(customer)
    }

    async fn open_session(
        &self,
        tx: &mut Tx,
        tenant: TenantId,
        customer: Customer,
        provider: &str,
        now: Timestamp,
    ) -> Result<ShopperSignedIn, SignInError> {
        let (token, expires_at) = (self.token(SHOPPER_PREFIX), now.plus_micros(SESSION));
        let hash = hash_token(token.reveal());
        tx.insert_shopper_session(tenant, (customer.id, provider), &hash, (now, expires_at)).await?;
        Ok(ShopperSignedIn { customer, token, expires_at })
    }
}

/// A phone number is guessed from a plain hash in seconds; that nobody reads it by accident is what this is for.
fn phone_hash(tenant: TenantId, phone: &str) -> String {
    hex(&Sha256::digest(format!("phone\n{tenant}\n{phone}")))
}

fn code_hash(tenant: TenantId, phone: &str, code: &str) -> String {
    hex(&Sha256::digest(format!("phone code\n{tenant}\n{phone}\n{code}")))
}

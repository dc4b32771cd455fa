//! How shoppers are known: identities, codes sent to phones, sessions.

use super::customer::read as read_customer;
use super::{Conn, Row, StoreError, Tx};
use crate::customer::{Customer, CustomerId};
use crate::shopper::PhoneCode;
use crate::tenant::TenantId;
use crate::time::{DAY, Timestamp};

impl Conn {
    pub(crate) async fn customer_of_identity(
        &mut self,
        tenant: TenantId,
        provider: &str,
        subject: &str,
    ) -> Result<Option<Customer>, StoreError> {
        let row = self
            .sql(include_str!("sql/shopper/by_identity.sql"))
            .text(tenant)
            .text(provider)
            .text(subject)
            .row()
            .await?;
        row.map(read_customer).transpose()
    }

    pub(crate) async fn customer_of_phone(
        &mut self,
        tenant: TenantId,
        phone: &str,
    ) -> Result<Option<Customer>, StoreError> {
        let row = self.sql(include_str!("sql/shopper/by_phone.sql")).text(tenant).text(phone).row().await?;
        row.map(read_customer).transpose()
    }

    pub(crate) async fn phone_code(
        &mut self,
        tenant: TenantId,
        phone_hash: &str,
    ) -> Result<Option<PhoneCode>, StoreError> {
        let row = self.sql(include_str!("sql/shopper/code.sql")).text(tenant).text(phone_hash).row().await?;
        row.as_ref().map(read_code).transpose()
    }

    /// The shopper who is signed in with the token of this hash, and in which shop.
    pub(crate) async fn shopper_signed_in(
        &mut self,
        hash: &str,
        now: Timestamp,
    ) -> Result<Option<(TenantId, CustomerId)>, StoreError> {
        let row = self.sql(include_str!("sql/shopper/signed_in.sql")).text(hash).time(now).row().await?;
        row.map(|row| Ok((row.id("tenant")?, row.id("customer")?))).transpose()
    }
}

impl Tx {
    /// `false` if this identity is somebody's already.
    pub(crate) async fn insert_identity(
        &mut self,
        tenant: TenantId,
        (provider, subject): (&str, &str),
        customer: CustomerId,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let inserted = self
            .sql(include_str!("sql/shopper/insert_identity.sql"))
            .text(tenant)
            .text(provider)
            .text(subject)
            .text(customer)
            .time(now)
            .changes()
            .await?;
        Ok(inserted == 1)
    }

    pub(crate) async fn save_phone_code(
        &mut self,
        tenant: TenantId,
        phone_hash: &str,
        code: &PhoneCode,
    ) -> Result<(), StoreError> {
        self.sql(include_str!("sql/shopper/save_code.sql"))
            .text(tenant)
            .text(phone_hash)
            .text(&code.hash)
            .int(code.failures)
            .time(code.sent_at)
            .int(code.sent)
            .time(code.counted_from)
            .time(code.expires_at)
            .run()
            .await
    }

    /// Saves a code as it was read and tried; whoever was slower looks again.
    pub(crate) async fn save_tried_code(
        &mut self,
        tenant: TenantId,
        phone_hash: &str,
        (was, is): (&PhoneCode, &PhoneCode),
    ) -> Result<(), StoreError> {
        let saved = self
            .sql(include_str!("sql/shopper/try_code.sql"))
            .text(tenant)
            .text(phone_hash)
            .text(&is.hash)
            .int(is.failures)
            .text(&was.hash)
            .int(was.failures)
            .changes()
            .await?;
        if saved == 1 { Ok(()) } else { Err(self.lost_a_race()) }
    }

    pub(crate) async fn insert_shopper_session(
        &mut self,
        tenant: TenantId,
        (customer, provider): (CustomerId, &str),
        hash: &str,
        (from, until): (Timestamp, Timestamp),
    ) -> Result<(), StoreError> {
        self.sql(include_str!("sql/shopper/insert_session.sql"))
            .text(hash)
            .text(tenant)
            .text(customer)
            .text(provider)
            .time(from)
            .time(until)
            .run()
            .await
    }

    pub(crate) async fn end_shopper_session(&mut self, hash: &str) -> Result<(), StoreError> {
        self.sql(include_str!("sql/shopper/end_session.sql")).text(hash).run().await
    }

    /// Forgets sessions and codes whose time is over; says how many.
    pub(crate) async fn forget_shopper_sessions(&mut self, now: Timestamp) -> Result<usize, StoreError> {
        let sessions = self.sql(include_str!("sql/shopper/forget_sessions.sql")).time(now).changes().await?;
        let yesterday = now.plus_micros(-DAY);
        let codes = self.sql(include_str!("sql/shopper/forget_codes.sql")).time(yesterday).changes().await?;
        Ok(sessions + codes)
    }
}

fn read_code(row: &Row) -> Result<PhoneCode, StoreError> {
    Ok(PhoneCode {
        hash: row.text("code_hash")?,
        failures: row.count("failures")?,
        sent_at: row.time("sent_at")?,
        sent: row.count("sent")?,
        counted_from: row.time("counted_from")?,
        expires_at: row.time("expires_at")?,
    })
}

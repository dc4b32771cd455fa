//! Opening a shop and changing its settings.

use super::Shop;
use crate::error::{Code, Failure, Kind};
use crate::id::Id;
use crate::money::Currency;
use crate::store::{Settled, StoreError};
use crate::tenant::{Settings, Tenant, TenantId};

impl Shop {
    /// Opens a shop, or returns the one that already has this code.
    pub async fn open_tenant(&self, code: &str, name: &str, currency: Currency) -> Result<Tenant, TenantError> {
        let is_code = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if code.is_empty() || code.len() > 40 || !code.bytes().all(is_code) {
            return Err(TenantError::InvalidCode);
        }
        let now = self.desk.now();
        let tenant = Tenant {
            id: Id::derived("tenant", code),
            code: code.to_owned(),
            name: name.to_owned(),
            currency,
            settings: Settings::default(),
        };
        let tenant = &tenant;
        self.desk
            .store
            .write(move |mut tx| async move {
                tx.insert_tenant(tenant, now).await?;
                let opened = tx.tenant_by_code(code).await?.ok_or(TenantError::Unknown)?;
                Ok::<Settled<Tenant>, TenantError>(tx.keep(opened).await?)
            })
            .await
    }

    pub async fn tenant(&self, code: &str) -> Result<Tenant, TenantError> {
        self.desk.store.read().await?.tenant_by_code(code).await?.ok_or(TenantError::Unknown)
    }

    pub async fn change_settings(&self, id: TenantId, settings: Settings) -> Result<(), TenantError> {
        let settings = &settings;
        self.desk
            .store
            .write(move |mut tx| async move {
                let tenant = tx.tenant(id).await?.ok_or(TenantError::Unknown)?;
                tx.update_settings(&Tenant { settings: settings.clone(), ..tenant }).await?;
                Ok::<Settled<()>, TenantError>(tx.keep(()).await?)
            })
            .await
    }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum TenantError {
    #[error("a shop's code is 1 to 40 lower-case letters, digits and hyphens")]
    InvalidCode,
    #[error("there is no such shop; `zhanggui demo-data` makes one to try things with")]
    Unknown,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for TenantError {
    fn kind(&self) -> Kind {
        match self {
            Self::InvalidCode => Kind::Invalid,
            Self::Unknown => Kind::NotFound,
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::InvalidCode => Code::InvalidRequest,
            Self::Unknown => Code::UnknownTenant,
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::InvalidCode => "店铺代码由 1 到 40 个小写字母、数字或连字符组成".to_owned(),
            Self::Unknown => "没有这个店铺；可用 `zhanggui demo-data` 生成演示店铺".to_owned(),
            Self::Store(error) => error.zh(),
        }
    }
}

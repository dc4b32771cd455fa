//! Opening a shop and changing its settings.

use super::Shop;
use crate::caller::{Caller, NotAllowed};
use crate::error::{Code, Failure, Kind};
use crate::event::{Event, EventName};
use crate::id::Id;
use crate::money::Currency;
use crate::permission::Permission;
use crate::store::{Settled, StoreError};
use crate::tenant::{Settings, Tenant};
use serde_json::{Value, json};

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

    /// The shop that this caller is in.
    pub async fn own_tenant(&self, caller: &Caller) -> Result<Tenant, TenantError> {
        self.desk.store.read().await?.tenant(caller.tenant).await?.ok_or(TenantError::Unknown)
    }

    pub async fn settings(&self, caller: &Caller) -> Result<Settings, TenantError> {
        caller.may(Permission::ReadCatalogue)?;
        Ok(self.own_tenant(caller).await?.settings)
    }

    pub async fn change_settings(&self, caller: &Caller, settings: Settings) -> Result<Tenant, TenantError> {
        caller.may(Permission::WriteSettings)?;
        if !settings.is_usable() {
            return Err(TenantError::UnusableSettings);
        }
        let (desk, settings) = (&*self.desk, &settings);
        desk.store
            .write(move |mut tx| async move {
                let now = desk.now();
                let tenant = tx.tenant(caller.tenant).await?.ok_or(TenantError::Unknown)?;
                let told = json!({ "changed": differing(&tenant.settings, settings) });
                let tenant = Tenant { settings: settings.clone(), ..tenant };
                tx.update_settings(&tenant).await?;
                let event = Event::new(desk.id(now), EventName::ShopSettingsChanged, tenant.id, caller, now, told);
                tx.record(caller.tenant, &[event]).await?;
                Ok::<Settled<Tenant>, TenantError>(tx.keep(tenant).await?)
            })
            .await
    }
}

/// The names of the settings in which the two differ.
fn differing(was: &Settings, is: &Settings) -> Vec<String> {
    let (Ok(Value::Object(was)), Ok(Value::Object(is))) = (serde_json::to_value(was), serde_json::to_value(is)) else {
        return Vec::new();
    };
    is.into_iter().filter(|(name, value)| was.get(name) != Some(value)).map(|(name, _)| name).collect()
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum TenantError {
    #[error("a shop's code is 1 to 40 lower-case letters, digits and hyphens")]
    InvalidCode,
    #[error("there is no such shop; `zhanggui demo-data` makes one to try things with")]
    Unknown,
    #[error("amounts are not below zero, and clocks are at most 14 hours from Greenwich; mend the settings")]
    UnusableSettings,
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for TenantError {
    fn kind(&self) -> Kind {
        match self {
            Self::InvalidCode | Self::UnusableSettings => Kind::Invalid,
            Self::Unknown => Kind::NotFound,
            Self::NotAllowed(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::InvalidCode | Self::UnusableSettings => Code::InvalidRequest,
            Self::Unknown => Code::UnknownTenant,
            Self::NotAllowed(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::InvalidCode => "店铺代码由 1 到 40 个小写字母、数字或连字符组成".to_owned(),
            Self::UnusableSettings => "金额不能小于零，时区与格林尼治相差不超过 14 小时，请修改设置".to_owned(),
            Self::Unknown => "没有这个店铺；可用 `zhanggui demo-data` 生成演示店铺".to_owned(),
            Self::NotAllowed(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

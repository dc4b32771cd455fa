use super::{Conn, Row, StoreError, Tx};
use crate::tenant::{Tenant, TenantId};
use crate::time::Timestamp;

impl Conn {
    pub async fn tenant(&mut self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.sql(include_str!("sql/tenant/by_id.sql")).text(id).row().await?.map(read).transpose()
    }

    pub async fn tenant_by_code(&mut self, code: &str) -> Result<Option<Tenant>, StoreError> {
        self.sql(include_str!("sql/tenant/by_code.sql")).text(code).row().await?.map(read).transpose()
    }

    pub async fn tenants(&mut self) -> Result<Vec<Tenant>, StoreError> {
        self.sql(include_str!("sql/tenant/all.sql")).rows().await?.into_iter().map(read).collect()
    }
}

impl Tx {
    pub(crate) async fn insert_tenant(&mut self, tenant: &Tenant, now: Timestamp) -> Result<(), StoreError> {
        self.sql(include_str!("sql/tenant/insert.sql"))
            .text(tenant.id)
            .text(&tenant.code)
            .text(&tenant.name)
            .text(tenant.currency)
            .json(&tenant.settings)
            .time(now)
            .run()
            .await
    }

    pub(crate) async fn update_settings(&mut self, tenant: &Tenant) -> Result<(), StoreError> {
        self.sql(include_str!("sql/tenant/update_settings.sql")).text(tenant.id).json(&tenant.settings).run().await
    }
}

fn read(row: Row) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: row.id("id")?,
        code: row.text("code")?,
        name: row.text("name")?,
        currency: row.word("currency")?,
        settings: row.json("settings")?,
    })
}

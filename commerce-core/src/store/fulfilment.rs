use super::{Conn, Row, StoreError, Tx};
use crate::fulfilment::{
    Parcel, ParcelId, ParcelItem, ParcelState, PlannedParcel, Proposal, ProposalId, ProposalState,
};
use crate::order::OrderId;
use crate::tenant::TenantId;
use crate::time::Timestamp;
use serde_json::json;

/// What happens to parcels, and what the carrier said.
pub(crate) struct ParcelMove<'a> {
    pub(crate) to: ParcelState,
    pub(crate) carrier: &'a str,
    pub(crate) tracking_no: &'a str,
}

impl Conn {
    pub async fn parcels(&mut self, tenant: TenantId, orders: &[OrderId]) -> Result<Vec<Parcel>, StoreError> {
        let wanted: Vec<_> = orders.iter().map(|id| json!({ "id": id })).collect();
        let mut parcels: Vec<Parcel> = Vec::new();
        for row in self.sql(include_str!("sql/fulfilment/parcels.sql")).text(tenant).json(&wanted).rows().await? {
            let id = row.id("id")?;
            let item = ParcelItem {
                order: row.id("orders")?,
                line: row.id("line")?,
                stock: row.id("stock")?,
                qty: row.int("qty")?,
            };
            match parcels.last_mut() {
                Some(parcel) if parcel.id == id => parcel.items.push(item),
                _ => parcels.push(Parcel {
                    id,
                    warehouse: row.id("warehouse")?,
                    state: row.word("state")?,
                    carrier: row.text("carrier")?,
                    tracking_no: row.text("tracking_no")?,
                    items: vec![item],
                }),
            }
        }
        Ok(parcels)
    }

    pub async fn proposals(
        &mut self,
        tenant: TenantId,
        state: Option<ProposalState>,
    ) -> Result<Vec<Proposal>, StoreError> {
        let state = state.map_or_else(String::new, |state| state.to_string());
        let rows = self.sql(include_str!("sql/fulfilment/proposals.sql")).text(tenant).text(state).rows().await?;
        rows.into_iter().map(read_proposal).collect()
    }

    pub(crate) async fn proposal(&mut self, tenant: TenantId, id: ProposalId) -> Result<Option<Proposal>, StoreError> {
        self.sql(include_str!("sql/fulfilment/proposal.sql"))
            .text(tenant)
            .text(id)
            .row()
            .await?
            .map(read_proposal)
            .transpose()
    }
}

impl Tx {
    pub(crate) async fn insert_parcels(
        &mut self,
        tenant: TenantId,
        parcels: &[(ParcelId, PlannedParcel)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let rows: Vec<_> =
            parcels.iter().map(|(id, parcel)| json!({ "id": id, "warehouse": parcel.warehouse })).collect();
        self.sql(include_str!("sql/fulfilment/insert_parcels.sql")).text(tenant).json(&rows).time(now).run().await?;
        let items: Vec<_> = parcels
            .iter()
            .flat_map(|(id, parcel)| {
                parcel.items.iter().map(
                    move |i| json!({ "parcel": id, "order": i.order, "line": i.line, "stock": i.stock, "qty": i.qty }),
                )
            })
            .collect();
        self.sql(include_str!("sql/fulfilment/insert_items.sql")).text(tenant).json(&items).run().await
    }

    pub(crate) async fn move_parcels(
        &mut self,
        tenant: TenantId,
        parcels: &[ParcelId],
        moved: &ParcelMove<'_>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let rows: Vec<_> = parcels.iter().map(|id| json!({ "id": id })).collect();
        self.sql(include_str!("sql/fulfilment/move_parcels.sql"))
            .text(tenant)
            .json(&rows)
            .text(moved.to)
            .text(moved.carrier)
            .text(moved.tracking_no)
            .time(now)
            .run()
            .await
    }

    /// Takes an order out of the parcels that have not left; a parcel that is then empty is cancelled.
    pub(crate) async fn unplan_parcels(
        &mut self,
        tenant: TenantId,
        order: OrderId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.sql(include_str!("sql/fulfilment/unplan_items.sql")).text(tenant).text(order).run().await?;
        self.sql(include_str!("sql/fulfilment/cancel_empty.sql")).text(tenant).time(now).run().await
    }

    pub(crate) async fn parcel_orders(
        &mut self,
        tenant: TenantId,
        parcel: ParcelId,
    ) -> Result<Vec<OrderId>, StoreError> {
        let rows = self.sql(include_str!("sql/fulfilment/orders_of.sql")).text(tenant).text(parcel).rows().await?;
        rows.iter().map(|row| row.id("orders")).collect()
    }

    /// Writes down the proposals that were not made before; returns how many those were.
    pub(crate) async fn insert_proposals(
        &mut self,
        tenant: TenantId,
        proposals: &[Proposal],
        now: Timestamp,
    ) -> Result<usize, StoreError> {
        let rows: Vec<_> = proposals
            .iter()
            .map(|p| {
                json!({
                    "id": p.id, "kind": p.kind.to_string(), "orders": json!(p.orders).to_string(), "reason": p.reason.to_string(),
                    "plan": json!(p.plan).to_string(),
                })
            })
            .collect();
        self.sql(include_str!("sql/fulfilment/insert_proposals.sql")).text(tenant).json(&rows).time(now).changes().await
    }

    /// False if somebody decided it before.
    pub(crate) async fn decide_proposal(
        &mut self,
        tenant: TenantId,
        id: ProposalId,
        state: ProposalState,
    ) -> Result<bool, StoreError> {
        Ok(self.sql(include_str!("sql/fulfilment/decide.sql")).text(tenant).text(id).text(state).changes().await? == 1)
    }
}

fn read_proposal(row: Row) -> Result<Proposal, StoreError> {
    Ok(Proposal {
        id: row.id("id")?,
        kind: row.word("kind")?,
        orders: row.json("orders")?,
        reason: row.word("reason")?,
        plan: row.json("plan")?,
        state: row.word("state")?,
        created_at: row.time("created_at")?,
    })
}

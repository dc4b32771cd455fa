//! The cart: what lies in it, and what that would cost now.

use super::customers::reaches;
use super::{CustomerError, Item, Shop};
use crate::caller::Caller;
use crate::cart::CartLine;
use crate::catalog::SkuId;
use crate::customer::CustomerId;
use crate::permission::Permission;
use crate::pricing::ActivityId;
use crate::store::Settled;

const MOST_LINES: usize = 200;

impl Shop {
    /// Puts so many of a SKU into the cart, in place of what lay there of it.
    pub async fn put_in_cart(
        &self,
        caller: &Caller,
        customer: CustomerId,
        line: &CartLine,
    ) -> Result<(), CustomerError> {
        reaches(caller, customer, Permission::WriteCustomers)?;
        if line.qty == 0 || line.qty > 9_999 {
            return Err(CustomerError::InvalidQuantity);
        }
        let now = self.desk.now();
        self.desk
            .store
            .write(move |mut tx| async move {
                tx.customer(caller.tenant, customer).await?.ok_or(CustomerError::UnknownCustomer)?;
                let lies_there = tx.cart_lines(caller.tenant, customer).await?;
                let is_new = !lies_there.iter().any(|known| known.sku == line.sku && known.activity == line.activity);
                if is_new && lies_there.len() >= MOST_LINES {
                    return Err(CustomerError::FullBook);
                }
                if !tx.put_in_cart(caller.tenant, customer, line, now).await? {
                    return Err(CustomerError::UnknownSku);
                }
                Ok(tx.keep(()).await?)
            })
            .await
    }

    pub async fn remove_from_cart(
        &self,
        caller: &Caller,
        customer: CustomerId,
        sku: SkuId,
        activity: Option<ActivityId>,
    ) -> Result<(), CustomerError> {
        reaches(caller, customer, Permission::WriteCustomers)?;
        self.desk
            .store
            .write(move |mut tx| async move {
                tx.remove_from_carts(caller.tenant, &[(customer, sku, activity)]).await?;
                Ok::<Settled<()>, CustomerError>(tx.keep(()).await?)
            })
            .await
    }

    /// The cart as items of an order: [`Shop::preview`] prices them, [`Shop::place_order`] buys them and takes them out.
    pub async fn cart(&self, caller: &Caller, customer: CustomerId) -> Result<Vec<Item>, CustomerError> {
        reaches(caller, customer, Permission::ReadCustomers)?;
        let lines = self.desk.store.read().await?.cart_lines(caller.tenant, customer).await?;
        Ok(lines.into_iter().map(|line| Item { activity: line.activity, ..Item::of(line.sku, line.qty) }).collect())
    }
}

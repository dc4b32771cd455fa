//! What a shopper means to buy.

use crate::catalog::SkuId;
use crate::pricing::ActivityId;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CartLine {
    pub sku: SkuId,
    pub activity: Option<ActivityId>,
    pub qty: u32,
}

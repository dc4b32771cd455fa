//! Bringing data in and taking it out, as CSV or JSON lines. A file is read whole, every bad row is named, and nothing is
//! written unless all is well, or the caller asked to skip what is not. What is exported imports again as it was.

mod cells;
mod fault;
mod goods;
mod orders;
mod people;
mod stock;
mod table;

pub use fault::{BadRow, RowFault, Thing};
pub use table::{FileFault, Format};

use crate::caller::{Caller, NotAllowed};
use crate::error::{Code, Failure, Kind};
use crate::payment::PaymentError;
use crate::permission::Permission;
use crate::service::{GoodsError, Shop, StockError};
use crate::store::{Settled, StoreError, Tx};
use crate::tenant::Tenant;
use cells::Faults;
use table::Table;

/// What a file contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString, strum::EnumIter)]
#[strum(serialize_all = "snake_case")]
pub enum Sheet {
    Categories,
    Warehouses,
    Products,
    Batches,
    Prices,
    Customers,
    Stock,
    Orders,
}

/// What happens to what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only look: say what is wrong.
    DryRun,
    /// All rows or none.
    Whole,
    /// The good rows; the bad ones are listed.
    Partial,
}

/// How personal data leaves the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    Masked,
    Full,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    pub rows: usize,
    pub written: usize,
    /// Already there as they are in the file.
    pub unchanged: usize,
    pub bad: Vec<BadRow>,
}

/// What an import works with: the shop it is for, the open transaction, and the list of faults.
struct Import<'a> {
    caller: &'a Caller,
    tenant: &'a Tenant,
    shop: &'a Shop,
    tx: &'a mut Tx,
    faults: &'a mut Faults,
    mode: Mode,
}

impl Import<'_> {
    /// Whether the good rows are to be written, given what is known to be bad by now.
    fn is_to_write(&self) -> bool {
        match self.mode {
            Mode::DryRun => false,
            Mode::Whole => self.faults.is_empty(),
            Mode::Partial => true,
        }
    }
}

/// How many rows a sheet wrote, and how many were there already.
#[derive(Default)]
struct Outcome {
    written: usize,
    unchanged: usize,
}

fn to_write(sheet: Sheet) -> Permission {
    match sheet {
        Sheet::Categories | Sheet::Products | Sheet::Batches => Permission::WriteCatalogue,
        Sheet::Prices => Permission::WritePrices,
        Sheet::Warehouses | Sheet::Stock => Permission::WriteStock,
        Sheet::Customers => Permission::WriteCustomers,
        // Orders that were paid elsewhere are booked.
        Sheet::Orders => Permission::WriteLedger,
    }
}

fn to_read(sheet: Sheet) -> Permission {
    match sheet {
        Sheet::Customers => Permission::ReadCustomers,
        Sheet::Orders => Permission::ReadOrders,
        Sheet::Categories | Sheet::Products | Sheet::Batches | Sheet::Prices | Sheet::Warehouses | Sheet::Stock => {
            Permission::ReadCatalogue
        }
    }
}

impl Shop {
    /// Imports one file. In [`Mode::Whole`] a single bad row makes it [`ImportError::Rejected`], with all of them listed.
    pub async fn import(
        &self,
        caller: &Caller,
        sheet: Sheet,
        format: Format,
        bytes: &[u8],
        mode: Mode,
    ) -> Result<ImportReport, ImportError> {
        caller.may(to_write(sheet))?;
        let table = &Table::read(format, bytes, columns(sheet))?;
        let report = self
            .store()
            .write(move |mut tx| async move {
                let tenant = tx.tenant(caller.tenant).await?.ok_or(ImportError::UnknownTenant)?;
                let mut faults = Faults::new(table);
                let mut import = Import { caller, tenant: &tenant, shop: self, tx: &mut tx, faults: &mut faults, mode };
                let outcome = match sheet {
                    Sheet::Categories => goods::import_categories(&mut import, table).await?,
                    Sheet::Warehouses => stock::import_warehouses(&mut import, table).await?,
                    Sheet::Products => goods::import_products(&mut import, table).await?,
                    Sheet::Batches => goods::import_batches(&mut import, table).await?,
                    Sheet::Prices => goods::import_prices(&mut import, table).await?,
                    Sheet::Customers => people::import_customers(&mut import, table).await?,
                    Sheet::Stock => stock::import_stock(&mut import, table).await?,
                    Sheet::Orders => orders::import_orders(&mut import, table).await?,
                };
                let report = ImportReport {
                    rows: table.rows.len(),
                    written: outcome.written,
                    unchanged: outcome.unchanged,
                    bad: faults.into_list(),
                };
                Ok::<Settled<ImportReport>, ImportError>(if report.written > 0 {
                    tx.keep(report).await?
                } else {
                    tx.leave(report)
                })
            })
            .await?;
        if mode == Mode::Whole && !report.bad.is_empty() { Err(ImportError::Rejected(report)) } else { Ok(report) }
    }

    /// Everything of one kind, as a file that [`Shop::import`] reads. Masked, it is for reading only.
    pub async fn export(
        &self,
        caller: &Caller,
        sheet: Sheet,
        format: Format,
        privacy: Privacy,
    ) -> Result<String, ImportError> {
        caller.may(to_read(sheet))?;
        if privacy == Privacy::Full && matches!(sheet, Sheet::Customers | Sheet::Orders) {
            caller.may(Permission::ReadPersonalData)?;
        }
        let mut conn = self.store().report().await?;
        let tenant = conn.tenant(caller.tenant).await?.ok_or(ImportError::UnknownTenant)?;
        let rows = match sheet {
            Sheet::Categories => goods::export_categories(&mut conn, &tenant).await?,
            Sheet::Warehouses => stock::export_warehouses(&mut conn, &tenant).await?,
            Sheet::Products => goods::export_products(&mut conn, &tenant).await?,
            Sheet::Batches => goods::export_batches(&mut conn, &tenant).await?,
            Sheet::Prices => goods::export_prices(&mut conn, &tenant).await?,
            Sheet::Customers => people::export_customers(&mut conn, &tenant, privacy).await?,
            Sheet::Stock => stock::export_stock(&mut conn, &tenant).await?,
            Sheet::Orders => orders::export_orders(&mut conn, &tenant, privacy).await?,
        };
        Ok(table::write(format, columns(sheet), &rows))
    }
}

/// The columns of a sheet, in the order they are exported. Those after `|` may be missing or empty.
fn columns(sheet: Sheet) -> table::Columns {
    let (needed, optional) = match sheet {
        Sheet::Categories => ("code,name", "parent,name_en,position"),
        Sheet::Warehouses => ("code,name", "region,rank"),
        Sheet::Products => (
            "product_code,kind,title,sku_code,list_price",
            "title_en,category,status,description,description_en,attributes,media,options,barcode,weight_g,pack_size,cost,floor_price,low_stock,components",
        ),
        Sheet::Batches => (
            "batch_code,sku_code,harvest_year,processing_date,best_before,total_qty",
            "farmer_id,farm_plot_id,irrigation_source,pesticide_report_id,quality_grade,inspection_report_url,trace_record_id",
        ),
        Sheet::Prices => ("sku_code,kind,selector,amount,valid_from,valid_to", ""),
        Sheet::Customers => (
            "customer_code,name",
            "phone,email,level,tags,created_at,recipient,recipient_phone,province,city,district,street,is_default",
        ),
        Sheet::Stock => ("sku_code,warehouse_code,on_hand", "batch_code"),
        Sheet::Orders => (
            "order_no,customer_code,channel,state,created_at,sku_code,qty,unit_price",
            "discount,freight,tax,total,recipient,phone,province,city,district,street,remark,cancel_reason",
        ),
    };
    table::Columns { needed, optional }
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Unreadable(#[from] FileFault),
    #[error("{} rows are bad and nothing was written; mend them, or skip them with --partial", .0.bad.len())]
    Rejected(ImportReport),
    #[error("there is no such shop")]
    UnknownTenant,
    #[error(transparent)]
    Goods(#[from] GoodsError),
    #[error(transparent)]
    Stock(#[from] StockError),
    #[error(transparent)]
    Payment(#[from] PaymentError),
    #[error(transparent)]
    NotAllowed(#[from] NotAllowed),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure for ImportError {
    fn kind(&self) -> Kind {
        match self {
            Self::Unreadable(_) | Self::Rejected(_) => Kind::Invalid,
            Self::UnknownTenant => Kind::NotFound,
            Self::Goods(error) => error.kind(),
            Self::Stock(error) => error.kind(),
            Self::Payment(error) => error.kind(),
            Self::NotAllowed(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn code(&self) -> Code {
        match self {
            Self::Unreadable(_) => Code::UnreadableFile,
            Self::Rejected(_) => Code::ImportRejected,
            Self::UnknownTenant => Code::UnknownTenant,
            Self::Goods(error) => error.code(),
            Self::Stock(error) => error.code(),
            Self::Payment(error) => error.code(),
            Self::NotAllowed(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::Unreadable(fault) => fault.zh(),
            Self::Rejected(report) => {
                format!("有 {} 处错误，没有写入任何数据；请修正，或用 --partial 跳过", report.bad.len())
            }
            Self::UnknownTenant => "没有这个店铺".to_owned(),
            Self::Goods(error) => error.zh(),
            Self::Stock(error) => error.zh(),
            Self::Payment(error) => error.zh(),
            Self::NotAllowed(error) => error.zh(),
            Self::Store(error) => error.zh(),
        }
    }
}

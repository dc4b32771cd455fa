//! What the shop can do. Each use case is a method of [`Shop`] in a file of its own:
//! load → decide (pure) → save, in one transaction.

mod after_sale;
mod api_keys;
mod audit;
mod cart;
mod case;
mod case_ends;
mod change_order;
mod channels;
mod chase;
mod checkout;
mod customers;
mod dispute;
mod fulfil;
mod gift_cards;
mod goods;
mod ledger;
mod move_order;
mod notice;
mod order_numbers;
mod pay;
mod personal_data;
mod place_order;
mod plan_parcels;
mod reconcile;
mod refund;
mod rules;
mod seal;
mod shoppers;
mod sign_in;
mod staff;
mod stock;
mod sweep;
mod tab;
mod tenants;
mod till;
mod verify;
mod webhook_delivery;
mod webhooks;
mod window;

pub use after_sale::{CaseRequest, Condition};
pub use api_keys::IssuedKey;
pub use audit::AuditError;
pub use change_order::Swapped;
pub use chase::Chased;
pub use checkout::{Item, OrderRequest, PlaceError, Preview, RequestFault};
pub use customers::{CustomerError, NewAddress};
pub use fulfil::Shipment;
pub use gift_cards::IssuedGiftCard;
pub use goods::GoodsError;
pub(crate) use goods::{write_prices, write_products};
pub use ledger::Statement;
pub use notice::Heard;
pub use pay::Paying;
pub use personal_data::PersonalData;
pub use place_order::{AllocatedBatch, Placed};
pub use reconcile::Reconciled;
pub use seal::Sealed;
pub use sign_in::{NewSecondFactor, SignedIn};
pub use staff::NewMember;
pub use stock::{Count, StockError};
pub(crate) use stock::{Counting, write_counts};
pub use sweep::Swept;
pub use tenants::TenantError;
pub use verify::{BookRule, Disagreement, Verified, VerifyError};
pub use webhook_delivery::Delivered;
pub use webhooks::{EndpointChange, EndpointSecret};
pub use window::{Availability, Displayed, Variant};

use crate::caller::Caller;
use crate::event::{Event, EventName};
use crate::id::{Entity, Id, Mint};
use crate::order::Order;
use crate::secret::MasterKey;
use crate::store::{Dialect, Store};
use crate::time::{Clock, SystemClock, Timestamp};
use crate::webhook::Reach;
use channels::Channels;
use order_numbers::OrderNumbers;
use serde_json::{Value, json};
use std::sync::{Arc, OnceLock};
use till::Till;

/// A shop, open for business on one database. Cloning it is cheap.
#[derive(Clone)]
pub struct Shop {
    desk: Arc<Desk>,
    till: Till<place_order::Asked>,
    /// Where news of payments is worked on.
    counter: Till<notice::Word>,
}

/// What every use case needs at hand.
struct Desk {
    store: Store,
    clock: Arc<dyn Clock>,
    mint: Mint,
    numbers: OrderNumbers,
    channels: Channels,
    /// What second factors and signatures are derived from, once it is loaded.
    master: OnceLock<MasterKey>,
    /// How far webhooks may go; no further than the internet unless somebody said so.
    reach: OnceLock<Reach>,
}

impl Shop {
    pub fn new(store: Store) -> Self {
        Self::with(store, Arc::new(SystemClock), Mint::from_system())
    }

    /// A shop whose time and chance are given from outside, for simulations and demo data.
    pub fn with(store: Store, clock: Arc<dyn Clock>, mint: Mint) -> Self {
        // SQLite has one writer: a second lane would only split the groups. PostgreSQL overlaps one
        // group's reading with another's commit.
        let lanes = match store.dialect() {
            Dialect::Sqlite => 1,
            Dialect::Postgres => 3,
        };
        let (numbers, channels) = (OrderNumbers::default(), Channels::default());
        let desk =
            Arc::new(Desk { store, clock, mint, numbers, channels, master: OnceLock::new(), reach: OnceLock::new() });
        Self { till: Till::open(&desk, lanes), counter: Till::open(&desk, lanes), desk }
    }

    /// Loads the master key; the first one counts.
    pub fn load_master_key(&self, key: MasterKey) {
        drop(self.desk.master.set(key));
    }

    /// Lets webhooks go to this machine, too, so that they can be practised. Whoever runs the service decides, not the shop:
    /// what listens here believes its neighbours.
    pub fn practise_webhooks(&self) {
        self.desk.reach.get_or_init(|| Reach::ThisMachineToo);
    }

    pub fn store(&self) -> &Store {
        &self.desk.store
    }

    pub fn now(&self) -> Timestamp {
        self.desk.clock.now()
    }

    pub(crate) fn mint_id<T: Entity>(&self, now: Timestamp) -> Id<T> {
        self.desk.id(now)
    }
}

impl Desk {
    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn id<T: Entity>(&self, now: Timestamp) -> Id<T> {
        self.mint.id(now)
    }

    /// An event about an order: always how it stands now, and what is particular to this event.
    fn order_event(&self, caller: &Caller, order: &Order, name: EventName, particulars: Value) -> Event {
        let mut payload = json!({
            "order_no": order.order_no, "customer": order.customer, "channel": order.channel, "state": order.state.to_string(),
            "hold": order.hold.to_string(), "total": order.total, "paid": order.paid,
        });
        if let (Some(payload), Value::Object(particulars)) = (payload.as_object_mut(), particulars) {
            payload.extend(particulars);
        }
        Event::new(self.id(order.updated_at), name, order.id, caller, order.updated_at, payload)
            .of_version(order.version)
    }
}

//! A payment company that does as it is told, and a shop with something to sell through it.

use crate::db::Db;
use crate::shop::{Buyer, TestShop, yuan};
use commerce_core::catalog::SkuId;
use commerce_core::error::{Code, Failure};
use commerce_core::ledger::AccountKind;
use commerce_core::money::{Money, Rate};
use commerce_core::order::OrderId;
use commerce_core::payment::{Method, PaymentError};
use commerce_core::port::{FeeOnRefund, RawNotification};
use commerce_core::sandbox::{Provider, SandboxChannel, wire};
use commerce_core::store::AccountSearch;
use commerce_core::time::{Clock, DAY, MINUTE};
use commerce_core::{Heard, Paying};
use std::sync::{Arc, Mutex, MutexGuard};

/// A payment company, and the shop's connection to it.
#[derive(Clone)]
pub(crate) struct Bank {
    pub(crate) code: String,
    provider: Arc<Mutex<Provider>>,
}

impl Bank {
    /// Half a per cent, kept on refunds.
    pub(crate) fn connect(t: &TestShop, code: &str) -> Self {
        Self::connect_on(t, code, FeeOnRefund::Kept)
    }

    pub(crate) fn connect_on(t: &TestShop, code: &str, fee_on_refund: FeeOnRefund) -> Self {
        let fee = Rate::from_basis_points(50);
        let (keys, merchant_keys) = wire::keys_from(code);
        let provider = Arc::new(Mutex::new(Provider::new("M-1", fee, keys)));
        let channel = SandboxChannel::new(provider.clone(), merchant_keys, fee, t.clock.clone() as Arc<dyn Clock>);
        t.shop.connect(t.tenant, Arc::new(channel.called(code).with_fee_on_refund(fee_on_refund)));
        Self { code: code.to_owned(), provider }
    }

    /// The same company and the same keys under another code.
    pub(crate) fn beside(t: &TestShop, bank: &Self, code: &str) -> Self {
        let (_, merchant_keys) = wire::keys_from(&bank.code);
        let clock = t.clock.clone() as Arc<dyn Clock>;
        let channel = SandboxChannel::new(bank.provider.clone(), merchant_keys, Rate::from_basis_points(50), clock);
        t.shop.connect(t.tenant, Arc::new(channel.called(code)));
        Self { code: code.to_owned(), provider: bank.provider.clone() }
    }

    pub(crate) fn it(&self) -> MutexGuard<'_, Provider> {
        self.provider.lock().unwrap()
    }

    pub(crate) fn method(&self) -> Method {
        Method::Channel { code: self.code.clone() }
    }

    /// The shopper pays on the payment page.
    pub(crate) fn pays(&self, t: &TestShop, paying: &Paying) {
        let open = paying.payments.iter().rfind(|p| p.channel == self.code && p.state.is_open()).unwrap();
        self.it().pay(&open.id.to_string(), t.clock.now()).unwrap();
    }

    pub(crate) fn messages(&self, t: &TestShop) -> Vec<(String, RawNotification)> {
        self.it().deliveries(t.clock.now()).into_iter().map(|one| (one.event_id, one.message)).collect()
    }

    /// Delivers what is due; returns what the shop answered.
    pub(crate) async fn deliver(&self, t: &TestShop) -> Vec<Result<Heard, Code>> {
        let mut answers = Vec::new();
        for (event_id, message) in self.messages(t) {
            let answer = t.shop.take_notification(&t.system(), &self.code, &message).await;
            self.it().delivered(&event_id);
            answers.push(answer.map_err(|error| error.code()));
        }
        answers
    }
}

pub(crate) struct Story {
    pub(crate) t: TestShop,
    pub(crate) bank: Bank,
    pub(crate) buyer: Buyer,
    pub(crate) sku: SkuId,
    pub(crate) name: &'static str,
}

impl Story {
    /// 100 pieces at 10.00; ten of them are 100.00 without freight.
    pub(crate) async fn begin(db: &Db) -> Self {
        let t = TestShop::open(db).await;
        let sku = t.add_product("TEA", &["TEA-1", "TEA-2"]).await[0];
        t.receive(sku, 100).await;
        let buyer = t.add_customer("C1").await;
        let bank = Bank::connect(&t, "sandbox");
        Self { t, bank, buyer, sku, name: db.name }
    }

    pub(crate) async fn order(&self, key: &str, qty: u32) -> OrderId {
        let wants = self.buyer.wants(&[(self.sku, qty)]);
        self.t.shop.place_order(&self.buyer.caller, self.buyer.customer, key, wants).await.unwrap().order
    }

    pub(crate) async fn pay(&self, order: OrderId, methods: &[Method]) -> Result<Paying, PaymentError> {
        self.t.shop.pay(&self.buyer.caller, order, methods).await
    }

    pub(crate) async fn now(&self, order: OrderId) -> Paying {
        self.t.shop.payments(&self.buyer.caller, order).await.unwrap()
    }

    /// An order that was paid through the bank.
    pub(crate) async fn paid(&self, key: &str, qty: u32) -> OrderId {
        let order = self.order(key, qty).await;
        let paying = self.pay(order, &[self.bank.method()]).await.unwrap();
        self.bank.pays(&self.t, &paying);
        assert_eq!(self.bank.deliver(&self.t).await, [Ok(Heard::News)]);
        order
    }

    pub(crate) async fn card(&self, amount: &str) -> String {
        let until = self.t.clock.now().plus_micros(365 * DAY);
        let from = AccountKind::Clearing.of("counter");
        self.t.shop.issue_gift_card(&self.t.staff(), yuan(amount), from, until).await.unwrap().code.reveal().to_owned()
    }

    pub(crate) async fn on_account(&self, kind: AccountKind) -> Money {
        let search = AccountSearch { kind: Some(kind), ..AccountSearch::default() };
        let found = self.t.shop.balances(&self.t.staff(), &search, None).await.unwrap();
        found.iter().fold(yuan("0"), |sum, balance| sum.checked_add(balance.posted()).unwrap())
    }

    /// Runs the janitor until the channel has nothing to tell any more.
    pub(crate) async fn chase(&self) {
        for _ in 0..6 {
            self.t.shop.chase(&self.t.system()).await.unwrap();
            self.bank.deliver(&self.t).await;
            self.t.clock.advance(11 * MINUTE);
        }
    }

    pub(crate) fn given_back(&self) -> Vec<i64> {
        self.bank.it().returns().map(|back| back.amount.minor()).collect()
    }
}

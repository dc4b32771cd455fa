//! What the shop's people may do, use case by use case: without its permission each is refused, with it alone it is not.

use crate::bank::Story;
use crate::db::Db;
use crate::shop::yuan;
use commerce_core::after_sale::{CaseKind, Reason};
use commerce_core::caller::Caller;
use commerce_core::cart::CartLine;
use commerce_core::customer::Destination;
use commerce_core::error::{Code, Failure};
use commerce_core::id::Id;
use commerce_core::import::{Format, Mode, Privacy, Sheet};
use commerce_core::ledger::AccountKind;
use commerce_core::ledger::seal::Trusted;
use commerce_core::money::Currency;
use commerce_core::order::Act;
use commerce_core::permission::{Grants, Permission};
use commerce_core::port::RawNotification;
use commerce_core::reconcile::{Resolution, StatementFormat};
use commerce_core::store::{AccountSearch, DeliverySearch, EventSearch, OrderSearch, TicketSearch};
use commerce_core::tenant::Settings;
use commerce_core::{CaseRequest, Condition, EndpointChange, NewAddress, Shipment};
use strum::IntoEnumIterator;

/// Who asks, and whom else they must not hear of.
enum Asker {
    /// Only somebody of the shop.
    Staff,
    /// A shopper, too, for what is theirs.
    Anybody,
}

struct Door {
    staff: Caller,
    shopper: Caller,
}

impl Door {
    async fn needs<T, E: Failure>(
        &self,
        permission: Permission,
        who: Asker,
        call: impl AsyncFn(Caller) -> Result<T, E>,
    ) {
        let is_refused = async |caller: Caller| match call(caller).await {
            Ok(_) => None,
            Err(error) if error.code() == Code::NotAllowed => Some(error.to_string()),
            Err(_) => None,
        };
        let others = Permission::iter().filter(|other| *other != permission).collect();
        let refusal = is_refused(self.staff.clone().granted(others)).await;
        let word = format!("`{permission}`");
        assert!(refusal.as_ref().is_some_and(|text| text.contains(&word)), "{word} was not asked for: {refusal:?}");
        let alone = is_refused(self.staff.clone().granted(Grants::of(&[permission]))).await;
        assert_eq!(alone, None, "{word} alone");
        let by_shopper = is_refused(self.shopper.clone()).await;
        match who {
            Asker::Staff => assert!(by_shopper.is_some(), "a shopper did what needs {word}"),
            Asker::Anybody => assert_eq!(by_shopper, None, "{word}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn goods_and_people() {
    use Asker::{Anybody, Staff};
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (shop, door) = (&s.t.shop, Door { staff: s.t.staff(), shopper: s.buyer.caller.clone() });
        let (customer, sku) = (s.buyer.customer, s.sku);
        door.needs(Permission::WriteCatalogue, Staff, async |c| shop.save_categories(&c, &[]).await).await;
        door.needs(Permission::WriteCatalogue, Staff, async |c| shop.save_products(&c, &[]).await).await;
        door.needs(Permission::WriteCatalogue, Staff, async |c| shop.save_batches(&c, &[]).await).await;
        door.needs(Permission::WritePrices, Staff, async |c| shop.set_prices(&c, &[]).await).await;
        door.needs(Permission::WriteStock, Staff, async |c| shop.receive_stock(&c, &[], "").await).await;
        door.needs(Permission::WriteStock, Staff, async |c| shop.set_stock(&c, &[], "").await).await;
        door.needs(Permission::WriteStock, Staff, async |c| shop.set_aside(&c, s.missing(), sku, 1).await).await;
        door.needs(Permission::WriteRules, Staff, async |c| shop.publish_rule(&c, "{}").await).await;
        door.needs(Permission::WriteRules, Staff, async |c| shop.roll_back_rule(&c, "none").await).await;
        door.needs(Permission::WriteRules, Staff, async |c| shop.withdraw_rule(&c, "none").await).await;
        door.needs(Permission::WriteRules, Staff, async |c| shop.print_coupons(&c, "none", 1).await).await;
        door.needs(Permission::ReadRules, Staff, async |c| shop.rules(&c).await).await;
        door.needs(Permission::ReadRules, Staff, async |c| shop.rule_history(&c, "none").await).await;
        door.needs(Permission::WriteCustomers, Staff, async |c| shop.save_customers(&c, &[]).await).await;
        door.needs(Permission::WriteCustomers, Anybody, async |c| shop.remove_from_cart(&c, customer, sku, None).await)
            .await;
        door.needs(Permission::ReadCustomers, Anybody, async |c| shop.cart(&c, customer).await).await;
        door.needs(Permission::ReadCustomers, Anybody, async |c| shop.addresses(&c, customer).await).await;
        door.needs(Permission::ReadCustomers, Anybody, async |c| shop.coupons(&c, customer).await).await;
        let (looks, there) = (Permission::ReadCatalogue, s.missing());
        door.needs(looks, Staff, async |c| shop.prices(&c, sku).await).await;
        door.needs(looks, Staff, async |c| shop.batches(&c, sku).await).await;
        door.needs(looks, Staff, async |c| shop.warehouses(&c).await).await;
        door.needs(looks, Staff, async |c| shop.stock(&c, sku).await).await;
        door.needs(looks, Staff, async |c| shop.stock_journal(&c, there).await).await;
        door.needs(looks, Staff, async |c| shop.settings(&c).await).await;
        door.needs(Permission::WriteSettings, Staff, async |c| shop.change_settings(&c, Settings::default()).await)
            .await;
        door.needs(Permission::ReadAudit, Staff, async |c| shop.audit(&c, &EventSearch::default(), 1).await).await;
        door.needs(Permission::ReadAudit, Staff, async |c| shop.events(&c, 0, 1).await).await;
        door.needs(Permission::ReadCustomers, Staff, async |c| shop.find_customers(&c, "1").await).await;
        door.needs(Permission::ReadCustomers, Anybody, async |c| shop.customer(&c, customer).await).await;
        let half = s.t.staff().granted(Grants::of(&[Permission::ReadCustomers]));
        let refused = shop.personal_data(&half, customer).await.unwrap_err();
        assert!(refused.to_string().contains("orders:read"), "{refused}");
        let writes = Permission::WriteCustomers;
        door.needs(writes, Anybody, async |c| shop.rename_customer(&c, customer, None, None).await).await;
        door.needs(writes, Anybody, async |c| shop.delete_address(&c, customer, s.missing()).await).await;
        let new = || NewAddress { customer, destination: Destination::default(), is_default: false };
        door.needs(writes, Anybody, async |c| shop.add_address(&c, new()).await).await;
        let line = CartLine { sku, activity: None, qty: 1 };
        door.needs(writes, Anybody, async |c| shop.put_in_cart(&c, customer, &line).await).await;
        for (sheet, read, write) in [
            (Sheet::Products, Permission::ReadCatalogue, Permission::WriteCatalogue),
            (Sheet::Prices, Permission::ReadCatalogue, Permission::WritePrices),
            (Sheet::Stock, Permission::ReadCatalogue, Permission::WriteStock),
            (Sheet::Customers, Permission::ReadCustomers, Permission::WriteCustomers),
            (Sheet::Orders, Permission::ReadOrders, Permission::WriteLedger),
        ] {
            door.needs(write, Staff, async |c| shop.import(&c, sheet, Format::Csv, b"", Mode::Whole).await).await;
            door.needs(read, Staff, async |c| shop.export(&c, sheet, Format::Csv, Privacy::Masked).await).await;
        }
        let reader = s.t.staff().granted(Grants::of(&[Permission::ReadOrders]));
        let in_full = shop.export(&reader, Sheet::Orders, Format::Csv, Privacy::Full).await.unwrap_err();
        assert!(in_full.to_string().contains("personal-data:read"), "{in_full}");
        door.needs(writes, Anybody, async |c| shop.erase_customer(&c, customer).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_and_what_becomes_of_them() {
    use Asker::{Anybody, Staff};
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (shop, door) = (&s.t.shop, Door { staff: s.t.staff(), shopper: s.buyer.caller.clone() });
        let order = s.paid("key-00000001", 2).await;
        let (customer, wants) = (s.buyer.customer, s.buyer.wants(&[(s.sku, 1)]));
        let line = shop.order(&s.buyer.caller, order).await.unwrap().1[0].id;
        let (write, read) = (Permission::WriteOrders, Permission::ReadOrders);
        door.needs(write, Anybody, async |c| shop.preview(&c, customer, &wants).await).await;
        door.needs(write, Anybody, async |c| shop.place_order(&c, customer, "key-00000002", wants.clone()).await).await;
        door.needs(write, Anybody, async |c| shop.change_address(&c, order, s.buyer.address).await).await;
        door.needs(write, Anybody, async |c| shop.swap_variant(&c, order, line, s.sku).await).await;
        door.needs(write, Anybody, async |c| shop.move_order(&c, order, Act::Confirm).await).await;
        door.needs(read, Anybody, async |c| shop.order(&c, order).await).await;
        door.needs(read, Anybody, async |c| shop.order_by_no(&c, "1").await).await;
        door.needs(read, Anybody, async |c| shop.search_orders(&c, &OrderSearch::default(), 1).await).await;
        door.needs(read, Anybody, async |c| shop.order_history(&c, order).await).await;
        door.needs(read, Anybody, async |c| shop.parcels(&c, order).await).await;
        door.needs(read, Anybody, async |c| shop.payments(&c, order).await).await;
        door.needs(read, Anybody, async |c| shop.cases(&c, order).await).await;
        door.needs(read, Staff, async |c| shop.open_cases(&c).await).await;
        door.needs(read, Staff, async |c| shop.open_disputes(&c).await).await;
        door.needs(read, Staff, async |c| shop.refunds_to_approve(&c).await).await;
        door.needs(read, Staff, async |c| shop.proposals(&c, None).await).await;
        let parcels = Permission::WriteParcels;
        door.needs(parcels, Anybody, async |c| shop.move_order(&c, order, Act::Pick).await).await;
        door.needs(parcels, Staff, async |c| shop.propose(&c).await).await;
        door.needs(parcels, Staff, async |c| shop.accept_proposal(&c, s.missing()).await).await;
        door.needs(parcels, Staff, async |c| shop.decline_proposal(&c, s.missing()).await).await;
        door.needs(parcels, Staff, async |c| shop.ship_parcel(&c, s.missing(), &Shipment::default()).await).await;
        door.needs(parcels, Staff, async |c| shop.deliver_parcel(&c, s.missing()).await).await;
        door.needs(parcels, Staff, async |c| shop.allocate_order(&c, order).await).await;
        let after = Permission::WriteAfterSale;
        let complaint = CaseRequest {
            kind: CaseKind::Complaint,
            items: vec![(line, 1)],
            exchange_to: None,
            reason: Reason::Other,
            note: String::new(),
        };
        door.needs(after, Anybody, async |c| shop.apply_after_sale(&c, order, &complaint).await).await;
        door.needs(after, Anybody, async |c| shop.withdraw_case(&c, s.missing()).await).await;
        door.needs(after, Staff, async |c| shop.approve_case(&c, s.missing(), "").await).await;
        door.needs(after, Staff, async |c| shop.reject_case(&c, s.missing(), "").await).await;
        door.needs(after, Staff, async |c| shop.receive_returned(&c, s.missing(), Condition::Scrap).await).await;
        door.needs(after, Staff, async |c| shop.close_complaint(&c, s.missing(), "").await).await;
        let refunds = Permission::WriteRefunds;
        door.needs(refunds, Staff, async |c| shop.compensate(&c, order, yuan("0.00"), "").await).await;
        door.needs(write, Anybody, async |c| shop.cancel_order(&c, order, "").await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_and_books() {
    use Asker::{Anybody, Staff};
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (shop, door) = (&s.t.shop, Door { staff: s.t.staff().named("li"), shopper: s.buyer.caller.clone() });
        let order = s.paid("key-00000001", 2).await;
        let (day, format) = (s.t.shop.now().day(0), StatementFormat::sandbox());
        let until = s.t.shop.now().plus_minutes(1);
        let from = || AccountKind::Promotion.own();
        door.needs(Permission::WritePayments, Anybody, async |c| shop.pay(&c, order, &[]).await).await;
        door.needs(Permission::WritePayments, Staff, async |c| {
            shop.issue_gift_card(&c, yuan("0.00"), from(), until).await
        })
        .await;
        door.needs(Permission::WritePayments, Staff, async |c| shop.confirm_paid(&c, order).await).await;
        door.needs(Permission::WritePayments, Staff, async |c| shop.reclaim(&c, order).await).await;
        door.needs(Permission::WriteRules, Staff, async |c| shop.grant_coupons(&c, "none", &[]).await).await;
        door.needs(Permission::WriteStaff, Staff, async |c| shop.members(&c).await).await;
        door.needs(Permission::WriteStaff, Staff, async |c| shop.dismiss(&c, s.missing()).await).await;
        door.needs(Permission::WriteKeys, Staff, async |c| shop.keys(&c).await).await;
        door.needs(Permission::WriteKeys, Staff, async |c| shop.revoke_key(&c, s.missing()).await).await;
        door.needs(Permission::WriteKeys, Staff, async |c| shop.rotate_key(&c, s.missing()).await).await;
        let refunds = Permission::WriteRefunds;
        door.needs(refunds, Staff, async |c| shop.refund(&c, order, yuan("0.00"), "").await).await;
        door.needs(refunds, Staff, async |c| shop.retry_refunds(&c, order).await).await;
        let approve = Permission::ApproveRefunds;
        door.needs(approve, Staff, async |c| shop.approve_refunds(&c, order, &[]).await).await;
        door.needs(approve, Staff, async |c| shop.reject_refunds(&c, order, &[], "").await).await;
        door.needs(Permission::ReadOrders, Staff, async |c| shop.dispute(&c, s.missing()).await).await;
        door.needs(Permission::WriteDisputes, Staff, async |c| shop.contest_dispute(&c, s.missing(), "").await).await;
        door.needs(Permission::WriteDisputes, Staff, async |c| shop.accept_dispute(&c, s.missing()).await).await;
        let read = Permission::ReadLedger;
        door.needs(read, Staff, async |c| shop.balances(&c, &AccountSearch::default(), None).await).await;
        door.needs(read, Staff, async |c| shop.statement(&c, &from(), Currency::CNY, until, until).await).await;
        door.needs(read, Staff, async |c| shop.prove(&c, s.missing()).await).await;
        door.needs(read, Staff, async |c| shop.verify(&c, &Trusted::default()).await).await;
        door.needs(read, Staff, async |c| shop.differences(&c, &TicketSearch::default()).await).await;
        let write = Permission::WriteLedger;
        door.needs(write, Staff, async |c| shop.transfer(&c, &[]).await).await;
        door.needs(write, Staff, async |c| shop.post_transfer(&c, s.missing(), None).await).await;
        door.needs(write, Staff, async |c| shop.void_transfer(&c, s.missing()).await).await;
        let reconcile = Permission::Reconcile;
        door.needs(reconcile, Staff, async |c| shop.fetch_statement(&c, "sandbox", &day, &format).await).await;
        door.needs(reconcile, Staff, async |c| shop.import_statement(&c, "sandbox", b"", &format).await).await;
        door.needs(reconcile, Staff, async |c| shop.assign_difference(&c, s.missing(), "li").await).await;
        door.needs(reconcile, Staff, async |c| {
            shop.resolve_difference(&c, s.missing(), Resolution::TheirMistake, "").await
        })
        .await;
        let jobs = Permission::RunJobs;
        let forged = RawNotification { headers: Vec::new(), body: String::new() };
        door.needs(jobs, Staff, async |c| shop.sweep(&c).await).await;
        door.needs(jobs, Staff, async |c| shop.chase(&c).await).await;
        door.needs(jobs, Staff, async |c| shop.take_notification(&c, "sandbox", &forged).await).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_outside_hears_of_events() {
    use Asker::Staff;
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (shop, door) = (&s.t.shop, Door { staff: s.t.staff(), shopper: s.buyer.caller.clone() });
        let since = s.t.shop.now();
        let webhooks = Permission::WriteWebhooks;
        door.needs(webhooks, Staff, async |c| shop.add_endpoint(&c, "https://example.com", &[]).await).await;
        door.needs(webhooks, Staff, async |c| shop.endpoints(&c).await).await;
        door.needs(webhooks, Staff, async |c| shop.change_endpoint(&c, s.missing(), &EndpointChange::default()).await)
            .await;
        door.needs(webhooks, Staff, async |c| shop.rotate_endpoint_secret(&c, s.missing()).await).await;
        door.needs(webhooks, Staff, async |c| shop.remove_endpoint(&c, s.missing()).await).await;
        door.needs(webhooks, Staff, async |c| shop.deliveries(&c, &DeliverySearch::default(), 1).await).await;
        door.needs(webhooks, Staff, async |c| shop.replay_delivery(&c, s.missing()).await).await;
        door.needs(webhooks, Staff, async |c| shop.replay_since(&c, s.missing(), since).await).await;
    }
}

impl Story {
    /// An id of something that is not there.
    fn missing<T: commerce_core::id::Entity>(&self) -> Id<T> {
        Id::derived(self.name, "not there")
    }
}

//! Shoppers: how they come in, what is shown of them, and how they are forgotten.

use crate::bank::Story;
use crate::db::Db;
use crate::shop::{TestShop, yuan};
use commerce_core::caller::{Caller, Once};
use commerce_core::error::{Code, Failure};
use commerce_core::ledger::AccountKind;
use commerce_core::money::Currency;
use commerce_core::permission::{Grants, Permission};
use commerce_core::secret::MasterKey;
use commerce_core::shopper::PlatformIdentity;
use commerce_core::store::{OrderSearch, ProductSearch};
use commerce_core::time::{Clock, DAY};
use std::collections::BTreeSet;

const PHONE: &str = "13900004321";

fn wechat(open_id: &str, union_id: Option<&str>) -> PlatformIdentity {
    let union_id = union_id.map(str::to_owned);
    PlatformIdentity { platform: "wechat".to_owned(), open_id: open_id.to_owned(), union_id }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_lets_in_whoever_holds_the_phone_and_nobody_else() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let code = t.shop.phone_code(t.tenant, "+86 139-0000-4321").await.unwrap();
        assert_eq!(code.reveal().len(), 6);
        let wrong = if code.reveal() == "000000" { "000001" } else { "000000" };
        let guess = async |code: &str| t.shop.sign_in_by_phone(t.tenant, PHONE, code).await;
        assert_eq!(guess(wrong).await.unwrap_err().code(), Code::WrongCode, "{}", db.name);
        let signed_in = guess(code.reveal()).await.unwrap();
        assert_eq!(signed_in.customer.phone, PHONE);
        assert_eq!(
            guess(code.reveal()).await.unwrap_err().code(),
            Code::WrongCode,
            "{}: no code counts twice",
            db.name
        );
        let caller = t.shop.recognise(signed_in.token.reveal()).await.unwrap();
        assert_eq!(caller, Caller::shopper(t.tenant, signed_in.customer.id));
        t.shop.sign_out(signed_in.token.reveal()).await.unwrap();
        let gone = t.shop.recognise(signed_in.token.reveal()).await.unwrap_err();
        assert_eq!(gone.code(), Code::NotSignedIn, "{}", db.name);
        let too_soon = t.shop.phone_code(t.tenant, PHONE).await.unwrap_err();
        assert_eq!(too_soon.code(), Code::TooManyCodes, "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_guesses_at_once_are_five_at_most() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let code = t.shop.phone_code(t.tenant, PHONE).await.unwrap();
        let wrong = if code.reveal() == "000000" { "000001" } else { "000000" };
        let guesses = (0..20).map(|_| t.shop.sign_in_by_phone(t.tenant, PHONE, wrong));
        assert!(futures_util::future::join_all(guesses).await.iter().all(Result::is_err), "{}", db.name);
        let late = t.shop.sign_in_by_phone(t.tenant, PHONE, code.reveal()).await.unwrap_err();
        assert_eq!(late.code(), Code::WrongCode, "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_person_is_one_customer_however_they_come() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let (shop, tenant) = (&t.shop, t.tenant);
        let first = shop.sign_in_by_platform(tenant, &wechat("o-1", Some("u-1"))).await.unwrap();
        let again = shop.sign_in_by_platform(tenant, &wechat("o-1", None)).await.unwrap();
        let elsewhere = shop.sign_in_by_platform(tenant, &wechat("o-2", Some("u-1"))).await.unwrap();
        let another = shop.sign_in_by_platform(tenant, &wechat("o-3", Some("u-3"))).await.unwrap();
        let ids = [&first, &again, &elsewhere, &another].map(|one| one.customer.id);
        assert_eq!(BTreeSet::from(ids).len(), 2, "{}", db.name);
        // Whoever comes twice at the same instant is still one.
        let twin = wechat("o-9", None);
        let twins = (0..8).map(|_| shop.sign_in_by_platform(tenant, &twin));
        let twins = futures_util::future::join_all(twins).await;
        let twins: BTreeSet<_> = twins.into_iter().map(|one| one.unwrap().customer.id).collect();
        assert_eq!(twins.len(), 1, "{}", db.name);
        let other = shop.open_tenant("other", "隔壁", Currency::CNY).await.unwrap().id;
        let stranger = shop.sign_in_by_platform(other, &wechat("o-1", Some("u-1"))).await.unwrap();
        assert!(!ids.contains(&stranger.customer.id), "{}: each shop knows its own", db.name);
        let nobody = shop.sign_in_by_platform(tenant, &wechat("", None)).await.unwrap_err();
        assert_eq!(nobody.code(), Code::WrongCredentials, "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_after_thirty_days() {
    let db = Db::sqlite().await;
    let t = TestShop::open(&db).await;
    let signed_in = t.shop.sign_in_by_platform(t.tenant, &wechat("o-1", None)).await.unwrap();
    t.clock.advance(30 * DAY - 1);
    assert!(t.shop.recognise(signed_in.token.reveal()).await.is_ok());
    t.clock.advance(1);
    assert!(t.shop.recognise(signed_in.token.reveal()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_phones_and_addresses_are_for_those_who_may_see_them() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (shop, order) = (&s.t.shop, s.order("key-00000001", 1).await);
        let reads = [Permission::ReadOrders, Permission::ReadCustomers];
        let clerk = s.t.staff().granted(Grants::of(&reads));
        let seen = |caller: &Caller| {
            let caller = caller.clone();
            async move {
                let found = shop.search_orders(&caller, &OrderSearch::default(), 10).await.unwrap();
                let (one, _) = shop.order(&caller, order).await.unwrap();
                let customer = shop.customer(&caller, s.buyer.customer).await.unwrap();
                let address = shop.addresses(&caller, s.buyer.customer).await.unwrap().remove(0);
                (found[0].destination.clone(), one.destination, customer.name, address.destination)
            }
        };
        let (owner, masked, in_full) = (&s.buyer.caller, seen(&clerk).await, seen(&s.t.staff()).await);
        assert_eq!(seen(owner).await, in_full, "{}: shoppers see what is theirs", db.name);
        for (masked, full) in [(&masked.0, &in_full.0), (&masked.1, &in_full.1), (&masked.3, &in_full.3)] {
            assert!(masked.recipient.contains('*') && masked.phone.contains("****"), "{masked:?}");
            assert_eq!((masked.street.as_str(), &masked.province), ("***", &full.province));
        }
        assert_ne!(masked.2, in_full.2, "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_bought_stays_and_who_bought_it_is_forgotten() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (shop, me, id) = (&s.t.shop, &s.buyer.caller, s.buyer.customer);
        let order = s.order("key-00000001", 1).await;
        let known = shop.personal_data(me, id).await.unwrap();
        assert_eq!((known.addresses.len(), known.orders.len()), (1, 1), "{}", db.name);
        let under_way = shop.erase_customer(me, id).await.unwrap_err();
        assert_eq!(under_way.code(), Code::OrdersUnderWay, "{}", db.name);
        shop.cancel_order(me, order, "changed my mind").await.unwrap();
        let stranger = s.t.add_customer("C2").await;
        let theirs = shop.erase_customer(&stranger.caller, id).await.unwrap_err();
        assert_eq!(theirs.code(), Code::UnknownCustomer, "{}", db.name);
        shop.erase_customer(me, id).await.unwrap();
        let left = shop.personal_data(&s.t.staff(), id).await.unwrap();
        let (order, lines) = &left.orders[0];
        assert_eq!((left.customer.name.as_str(), left.customer.phone.as_str(), left.addresses.len()), ("", "", 0));
        assert_eq!((order.destination.recipient.as_str(), order.destination.street.as_str()), ("", ""), "{}", db.name);
        assert_eq!((order.total, lines.len()), (known.orders[0].0.total, 1), "{}", db.name);
        assert!(!left.customer.id.to_string().is_empty() && left.cart.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_key_is_done_once() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (shop, order) = (&s.t.shop, s.paid("key-00000001", 10).await);
        shop.load_master_key(MasterKey::new([9; 32]));
        let asked = |key: &str, hash: &str| {
            let once = Once { key: key.to_owned(), request_hash: hash.to_owned() };
            Caller { once: Some(once), ..s.t.staff().named("li") }
        };
        let refund = async |caller: Caller| shop.refund(&caller, order, yuan("5.00"), "goodwill").await;
        let at_once = (0..12).map(|_| Box::pin(refund(asked("key-of-refund-1", "h1"))));
        let answers = futures_util::future::join_all(at_once).await;
        assert!(answers.iter().all(Result::is_ok), "{}: {answers:?}", db.name);
        assert_eq!(s.now(order).await.refunds.len(), 1, "{}", db.name);
        let reused = refund(asked("key-of-refund-1", "h2")).await.unwrap_err();
        assert_eq!(reused.code(), Code::InvalidIdempotencyKey, "{}", db.name);
        refund(asked("key-of-refund-2", "h1")).await.unwrap();
        assert_eq!(s.now(order).await.refunds.len(), 2, "{}", db.name);
        let (until, from) = (s.t.clock.now().plus_micros(DAY), || AccountKind::Promotion.own());
        let issue = async || {
            let caller = asked("key-of-card", "h3");
            shop.issue_gift_card(&caller, yuan("50.00"), from(), until).await.unwrap()
        };
        let (first, again) = (issue().await, issue().await);
        assert_eq!((first.card.id, first.code.reveal()), (again.card.id, again.code.reveal()), "{}", db.name);
        let compensated =
            async || shop.compensate(&asked("key-of-gift", "h4"), order, yuan("1.00"), "sorry").await.unwrap();
        assert_eq!(compensated().await.id, compensated().await.id, "{}", db.name);
        assert_eq!(shop.cases(&s.t.staff(), order).await.unwrap().len(), 1, "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_window_shows_what_is_for_sale_and_what_it_costs_whoever_looks() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let (shop, visitor) = (&s.t.shop, Caller::visitor(s.t.tenant));
        let look = async |caller: &Caller, words: &str| {
            let search = ProductSearch { words: words.to_owned(), ..ProductSearch::default() };
            shop.search_products(caller, "h5", &search, 10).await.unwrap()
        };
        let shown = look(&visitor, "tea-1").await;
        assert_eq!(shown.len(), 1, "{}: by the code of a SKU", db.name);
        let variant = shown[0].variants.iter().find(|variant| variant.sku.code == "TEA-1").unwrap();
        assert_eq!((variant.price.unit, variant.price.rule.to_string().as_str()), (yuan("10.00"), "list"));
        assert_eq!(variant.availability, commerce_core::Availability::Counted(100), "{}", db.name);
        assert!(look(&visitor, "no such thing").await.is_empty());
        let other = shop.open_tenant("other", "隔壁", Currency::CNY).await.unwrap().id;
        assert!(look(&Caller::visitor(other), "tea-1").await.is_empty(), "{}: of this shop alone", db.name);
        let code = shown[0].product.code.clone();
        assert!(shop.product(&Caller::visitor(other), "h5", &code).await.is_err(), "{}", db.name);
        let mine = shop.search_orders(&visitor, &OrderSearch::default(), 1).await.unwrap_err();
        assert_eq!(mine.code(), Code::NotAllowed, "{}: a visitor looks at goods and nothing else", db.name);
    }
}

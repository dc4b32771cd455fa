//! A channel's statement against our books.

use crate::bank::Bank;
use crate::db::Db;
use crate::shop::{TestShop, yuan};
use commerce_core::error::{Code, Failure};
use commerce_core::ledger::AccountKind;
use commerce_core::reconcile::{Mismatch, Resolution, StatementFormat, TicketStatus};
use commerce_core::store::{AccountSearch, TicketSearch};
use commerce_core::time::{Clock, DAY, SECOND};
use commerce_core::{Reconciled, Shop};
use std::collections::BTreeMap;

/// A shop that took `count` payments of 14.00, 24.00, … and gave one back.
async fn trading(db: &Db, count: u32) -> (TestShop, Bank, String) {
    let t = TestShop::open(db).await;
    let sku = t.add_product("TEA", &["TEA-1"]).await[0];
    t.receive(sku, 10_000).await;
    let buyer = t.add_customer("C1").await;
    let bank = Bank::connect(&t, "sandbox");
    for i in 0..count {
        let wants = buyer.wants(&[(sku, 1 + i % 7)]);
        let key = format!("key-{i:08}");
        let order = t.shop.place_order(&buyer.caller, buyer.customer, &key, wants).await.unwrap().order;
        let paying = t.shop.pay(&buyer.caller, order, &[bank.method()]).await.unwrap();
        bank.pays(&t, &paying);
        bank.deliver(&t).await;
        if i == 0 {
            t.shop.cancel_order(&buyer.caller, order, "").await.unwrap();
            t.shop.chase(&t.system()).await.unwrap();
        }
        t.clock.advance(SECOND);
    }
    let statement = statement(&bank, &t);
    (t, bank, statement)
}

fn statement(bank: &Bank, t: &TestShop) -> String {
    let now = t.clock.now();
    let day = commerce_core::sandbox::start_of(&now.day(0)).unwrap();
    bank.it().statement(day)
}

impl TestShop {
    async fn import(&self, text: &str) -> Reconciled {
        let format = StatementFormat::sandbox();
        self.shop.import_statement(&self.staff(), "sandbox", text.as_bytes(), &format).await.unwrap()
    }
}

async fn reasons(shop: &Shop, t: &TestShop) -> BTreeMap<String, usize> {
    let search = TicketSearch { status: Some(TicketStatus::Open), ..TicketSearch::default() };
    let mut count = BTreeMap::new();
    for ticket in shop.differences(&t.staff(), &search).await.unwrap() {
        *count.entry(ticket.reason.to_string()).or_default() += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn a_true_statement_agrees_however_often_it_comes() {
    for db in Db::both().await {
        let (t, _, text) = trading(&db, 30).await;
        let first = t.import(&text).await;
        assert_eq!((first.rows, first.new_rows, first.matched, first.differences), (31, 31, 31, 0), "{}", db.name);
        let again = t.import(&text).await;
        assert_eq!(again, Reconciled { new_rows: 0, ..first }, "{}", db.name);
        // Half of it first, the rest later: as if it had come at once.
        let other = TestShop::on(db.store().await, "other", 5).await;
        assert_eq!(other.import(&text).await.differences, 31, "{}: another shop's statement", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_named_and_none_invented() {
    for db in Db::both().await {
        let (t, _, text) = trading(&db, 40).await;
        let rows: Vec<&str> = text.lines().skip(1).collect();
        let heading = text.lines().next().unwrap();
        let payments: Vec<usize> = (0..rows.len()).filter(|&i| rows[i].contains("PAYMENT")).collect();
        let field = |row: &str, i: usize| row.split(',').nth(i).unwrap().to_owned();
        let with = |row: &str, i: usize, value: &str| {
            let mut fields: Vec<String> = row.split(',').map(str::to_owned).collect();
            value.clone_into(&mut fields[i]);
            fields.join(",")
        };
        let mut altered: Vec<String> = rows.iter().map(ToString::to_string).collect();
        altered[payments[3]] = with(rows[payments[3]], 3, "0.01");
        altered[payments[5]] = with(rows[payments[5]], 5, "USD");
        altered[payments[7]] = with(rows[payments[7]], 4, "9.99");
        altered.push(rows[payments[9]].to_owned());
        let stranger = with(&with(rows[payments[11]], 0, "pay_ffffffffffffffffffffffffffffffff"), 1, "T9999999999");
        altered.push(stranger);
        let missing = altered.remove(payments[13]);
        let page = |rows: &[String]| format!("{heading}\n{}\n", rows.join("\n"));

        // Not yet due: its absence means nothing.
        let early = t.import(&page(&altered)).await;
        assert_eq!((early.awaited, early.differences), (1, 5), "{}", db.name);
        t.clock.advance(2 * DAY);
        let due = t.import(&page(&altered)).await;
        assert_eq!((due.awaited, due.differences, due.opened, due.new_rows), (0, 6, 1, 0), "{}", db.name);
        let expected = ["AMOUNT", "CURRENCY", "DUPLICATE", "FEE", "MISSING_LOCAL", "MISSING_REMOTE"];
        let found = reasons(&t.shop, &t).await;
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), expected, "{}: {found:?}", db.name);
        assert!(found.values().all(|count| *count == 1), "{found:?}");
        // What was missing comes with a later statement: its ticket is settled by that.
        let late = t.import(&page(std::slice::from_ref(&missing))).await;
        assert_eq!((late.cleared, late.opened), (1, 0), "{}: {late:?} {}", db.name, field(&missing, 0));
        assert!(!reasons(&t.shop, &t).await.contains_key("MISSING_REMOTE"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_is_assigned_and_settled_by_a_posting_once() {
    for db in Db::both().await {
        let (t, _, text) = trading(&db, 12).await;
        let row = text.lines().rfind(|row| row.contains("PAYMENT")).unwrap();
        let fields: Vec<&str> = row.split(',').collect();
        let dearer = row.replace(&format!(",{},CNY", fields[4]), ",1.00,CNY");
        t.import(&text.replace(row, &dearer)).await;
        let ticket = t.shop.differences(&t.staff(), &TicketSearch::default()).await.unwrap().remove(0);
        assert_eq!((ticket.reason, ticket.actual_amount), (Mismatch::Fee, Some(yuan("1.00"))), "{}", db.name);
        let fees = async || {
            let search = AccountSearch { kind: Some(AccountKind::Fees), ..AccountSearch::default() };
            t.shop.balances(&t.staff(), &search, None).await.unwrap()[0].posted()
        };
        let before = fees().await;
        let assigned = t.shop.assign_difference(&t.staff(), ticket.id, "财务小李").await.unwrap();
        assert_eq!((assigned.status, assigned.assigned_to.as_str()), (TicketStatus::InProgress, "财务小李"));
        let how = Resolution::BookTheirs;
        let settled = t.shop.resolve_difference(&t.staff(), ticket.id, how, "按合同补记").await.unwrap();
        assert_eq!(settled.status, TicketStatus::Resolved);
        let more = yuan("1.00").checked_sub(ticket.expected_amount.unwrap()).unwrap();
        assert_eq!(fees().await, before.checked_add(more).unwrap(), "{}", db.name);
        let twice = t.shop.resolve_difference(&t.staff(), ticket.id, how, "").await.unwrap_err();
        assert_eq!(twice.code(), Code::UnknownDifference);
        // It was settled; the same statement does not open it again.
        let again = t.import(&text.replace(row, &dearer)).await;
        assert_eq!((again.opened, again.new_rows), (0, 0));
        t.assert_books().await;
        let buyer = t.add_customer("C9").await;
        let nosy = t.shop.differences(&buyer.caller, &TicketSearch::default()).await.unwrap_err();
        assert_eq!(nosy.code(), Code::NotAllowed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_cannot_be_read_changes_nothing() {
    let db = Db::sqlite().await;
    let (t, _, text) = trading(&db, 3).await;
    let format = StatementFormat::sandbox();
    let import = async |bytes: &[u8]| {
        t.shop.import_statement(&t.staff(), "sandbox", bytes, &format).await.map_err(|error| error.code())
    };
    assert_eq!(import(text.replace("amount", "sum").as_bytes()).await, Err(Code::UnreadableFile));
    assert_eq!(
        import(text.replace("14.00", "14.001").replace("18.00", "18.005").as_bytes()).await,
        Err(Code::StatementRejected)
    );
    assert_eq!(import(b"").await, Err(Code::UnreadableFile));
    assert_eq!(import(&[0xff, 0xfe, 0x00]).await, Err(Code::UnreadableFile));
    assert_eq!(t.shop.differences(&t.staff(), &TicketSearch::default()).await.unwrap(), []);
    assert_eq!(import(text.as_bytes()).await.unwrap().new_rows, 4);
}

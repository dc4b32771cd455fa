//! A channel's statement against our books.

use crate::bank::{Bank, Story};
use crate::db::Db;
use crate::shop::{TestShop, yuan};
use commerce_core::error::{Code, Failure};
use commerce_core::ledger::AccountKind;
use commerce_core::money::{Currency, Money};
use commerce_core::reconcile::{Mismatch, Resolution, StatementFormat, Ticket, TicketStatus};
use commerce_core::sandbox::{Fault, Op, Verdict, start_of};
use commerce_core::store::{AccountSearch, TicketSearch};
use commerce_core::time::{Clock, DAY, HOUR, SECOND, Timestamp};
use commerce_core::{Reconciled, Shop};
use sqlx::{AnyConnection, Connection};
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
    let day = start_of(&now.day(0)).unwrap();
    bank.it().statement(day)
}

impl TestShop {
    async fn import(&self, text: &str) -> Reconciled {
        let format = StatementFormat::sandbox();
        self.shop.import_statement(&self.staff(), "sandbox", text.as_bytes(), &format).await.unwrap()
    }

    async fn tickets(&self) -> Vec<Ticket> {
        self.shop.differences(&self.staff(), &TicketSearch::default()).await.unwrap()
    }

    async fn book_theirs(&self, ticket: &Ticket) {
        self.shop.resolve_difference(&self.staff(), ticket.id, Resolution::BookTheirs, "").await.unwrap();
    }

    async fn clearing(&self) -> Money {
        let search = AccountSearch { kind: Some(AccountKind::Clearing), owner: "sandbox".to_owned() };
        self.shop.balances(&self.staff(), &search, None).await.unwrap()[0].posted()
    }
}

/// The rows of a statement, and which of them are payments.
fn rows_of(text: &str) -> (Vec<String>, Vec<usize>) {
    let rows: Vec<String> = text.lines().skip(1).map(str::to_owned).collect();
    let payments = (0..rows.len()).filter(|&i| rows[i].contains("PAYMENT")).collect();
    (rows, payments)
}

fn page(rows: &[String]) -> String {
    format!("merchant_order_no,channel_no,type,amount,fee,currency,completed_at,batch_no\n{}\n", rows.join("\n"))
}

fn field(row: &str, i: usize) -> &str {
    row.split(',').nth(i).unwrap()
}

/// The row with other fields: `(3, "0.01")` is the amount.
fn with(row: &str, changes: &[(usize, &str)]) -> String {
    let mut fields: Vec<&str> = row.split(',').collect();
    for (i, value) in changes {
        fields[*i] = value;
    }
    fields.join(",")
}

/// What a statement says the channel holds for us: what came in, less what went back and the fees.
fn held(rows: &[String]) -> Money {
    rows.iter().fold(yuan("0"), |sum, row| {
        let amount = yuan(field(row, 3));
        let amount = if field(row, 2) == "REFUND" { amount.negate().unwrap() } else { amount };
        sum.checked_add(amount).unwrap().checked_sub(yuan(field(row, 4))).unwrap()
    })
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
        let (mut altered, payments) = rows_of(&text);
        let row = |i: usize| text.lines().nth(1 + payments[i]).unwrap();
        altered[payments[3]] = with(row(3), &[(3, "0.01")]);
        altered[payments[5]] = with(row(5), &[(5, "USD")]);
        altered[payments[7]] = with(row(7), &[(4, "9.99")]);
        altered.push(row(9).to_owned());
        altered.push(with(row(11), &[(0, "pay_ffffffffffffffffffffffffffffffff"), (1, "T9999999999")]));
        let missing = altered.remove(payments[13]);

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
        let foreign = t.tickets().await.into_iter().find(|ticket| ticket.reason == Mismatch::Currency).unwrap();
        let currencies = [foreign.expected_amount, foreign.actual_amount].map(|amount| amount.unwrap().currency());
        assert_eq!(currencies, [Currency::CNY, Currency::USD], "{}", db.name);
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

impl Story {
    /// Somebody pays ten seconds before the day ends; returns our number of it.
    async fn paid_late_on(&self, day: Timestamp) -> String {
        let end = day.plus_micros(DAY - 10 * SECOND);
        self.t.clock.advance(end.micros() - self.t.clock.now().micros());
        let order = self.order(&format!("key-of-{}", day.day(0)), 1).await;
        let paying = self.pay(order, &[self.bank.method()]).await.unwrap();
        self.bank.pays(&self.t, &paying);
        paying.payments[0].id.to_string()
    }

    async fn fetch(&self, day: Timestamp) -> Reconciled {
        let format = StatementFormat::sandbox();
        self.t.shop.fetch_statement(&self.t.staff(), "sandbox", &day.day(0), &format).await.unwrap()
    }
}

/// The days of a little more than a week, from tomorrow on.
fn week(s: &Story) -> [Timestamp; 9] {
    let today = start_of(&s.t.clock.now().day(0)).unwrap();
    std::array::from_fn(|i| today.plus_micros((1 + i as i64) * DAY))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_book_days_later_is_no_difference() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let mut first = String::new();
        let week = week(&s);
        for (i, day) in week.into_iter().enumerate() {
            // We never hear of the second payment, nor that the first was charged back on the third day, until we ask.
            if i == 1 {
                s.bank.it().misbehave(Op::Notify, [Fault::Silent]);
            }
            let no = s.paid_late_on(day).await;
            if i == 0 {
                first = no;
            } else if i == 2 {
                s.bank.it().misbehave(Op::Notify, [Fault::Silent, Fault::Silent]);
                let now = s.t.clock.now();
                let dispute = s.bank.it().complain(&first, yuan("10.00"), "", now).unwrap().dispute_no;
                s.bank.it().decide(&dispute, Verdict::BuyerWins, now).unwrap();
            }
            // Everything else we hear of on the next day.
            s.t.clock.advance(HOUR);
            s.bank.deliver(&s.t).await;
            if i == 6 {
                s.chase().await;
            }
            let done = s.fetch(day).await;
            assert_eq!(done.new_rows, 1 + usize::from(i == 2), "{}, day {i}: {done:?}", s.name);
            assert_eq!(done.opened, usize::from(i == 1 || i == 2), "{}, day {i}: {done:?}", s.name);
            assert_eq!(done.cleared, if i == 6 { 2 } else { 0 }, "{}, day {i}: {done:?}", s.name);
        }
        let tickets = s.t.tickets().await;
        let told: Vec<_> = tickets.iter().map(|t| (t.reason, t.resolution.as_str())).collect();
        assert_eq!(told, [(Mismatch::MissingLocal, "cleared"); 2], "{}", s.name);
        // The shop is in Beijing, where the next day had begun.
        assert_eq!(tickets[0].day, week[2].day(0), "{}", s.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_are_still_to_come_are_not_missed() {
    for db in Db::both().await {
        let s = Story::begin(&db).await;
        let week = week(&s);
        for day in week {
            s.paid_late_on(day).await;
            s.bank.deliver(&s.t).await;
        }
        s.t.clock.advance(5 * DAY);
        // The first statement there is says nothing of the days before it, and nothing of those after it.
        for (day, awaited) in [(week[3], 3), (week[4], 2), (week[6], 1)] {
            let done = s.fetch(day).await;
            let gap = usize::from(day == week[6]);
            assert_eq!((done.awaited, done.opened), (awaited, gap), "{}, {}: {done:?}", s.name, day.day(0));
        }
        let done = s.fetch(week[5]).await;
        assert_eq!((done.opened, done.cleared), (0, 1), "{}: {done:?}", s.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_follows_its_difference() {
    for db in Db::both().await {
        let (t, _, text) = trading(&db, 8).await;
        let (rows, payments) = rows_of(&text);
        let row = &rows[payments[3]];
        let mut wrong = rows.clone();
        wrong[payments[3]] = with(row, &[(3, "0.01")]);
        t.import(&page(&wrong)).await;
        let first = t.tickets().await.remove(0);
        assert_eq!((first.reason, first.actual_amount), (Mismatch::Amount, Some(yuan("0.01"))), "{}", db.name);
        // More of it comes: the same difference, of another amount.
        let more = t.import(&page(&[with(row, &[(3, "0.02")])])).await;
        assert_eq!((more.opened, more.cleared), (0, 0), "{}: {more:?}", db.name);
        let followed = t.tickets().await.remove(0);
        assert_eq!((followed.id, followed.actual_amount), (first.id, Some(yuan("0.03"))), "{}", db.name);
        assert_eq!(followed.theirs.len(), 2);
        // Then the true row comes: those two are differences of their own now.
        let last = t.import(&page(std::slice::from_ref(row))).await;
        assert_eq!((last.opened, last.cleared), (2, 1), "{}: {last:?}", db.name);
        let gone = t.tickets().await.into_iter().find(|ticket| ticket.id == first.id).unwrap();
        assert_eq!((gone.status, gone.resolution.as_str()), (TicketStatus::Resolved, "superseded"), "{}", db.name);
        assert_eq!(reasons(&t.shop, &t).await, BTreeMap::from([("MISSING_LOCAL".to_owned(), 2)]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn booking_theirs_leaves_with_the_channel_what_it_says() {
    for db in Db::both().await {
        let (t, _, text) = trading(&db, 20).await;
        let (mut rows, payments) = rows_of(&text);
        let row = |i: usize| text.lines().nth(1 + payments[i]).unwrap();
        rows[payments[3]] = with(row(3), &[(3, "5.00"), (4, "0.77")]);
        rows[payments[5]] = with(row(5), &[(4, "9.99")]);
        rows.push(row(7).to_owned());
        rows.push(with(row(9), &[(0, "pay_ffffffffffffffffffffffffffffffff"), (1, "T9999999999")]));
        rows.push(with(row(9), &[(0, ""), (1, ""), (2, "ADJUSTMENT"), (3, "-3.00"), (4, "0.00")]));
        let missing = rows.remove(payments[11]);
        t.clock.advance(2 * DAY);
        let done = t.import(&page(&rows)).await;
        assert_eq!((done.differences, done.opened), (6, 6), "{}: {done:?}", db.name);
        assert_ne!(t.clearing().await, held(&rows));
        for ticket in t.tickets().await {
            t.book_theirs(&ticket).await;
        }
        assert_eq!(t.clearing().await, held(&rows), "{}", db.name);
        // What was thought to be missing is listed after all: what was booked for it is booked back, once.
        let late = t.import(&page(std::slice::from_ref(&missing))).await;
        assert_eq!((late.opened, late.cleared), (0, 1), "{}: {late:?}", db.name);
        rows.push(missing);
        assert_eq!(t.clearing().await, held(&rows), "{}", db.name);
        let again = t.import(&page(&rows)).await;
        assert_eq!((again.opened, again.cleared), (0, 0), "{}: {again:?}", db.name);
        assert_eq!(t.clearing().await, held(&rows), "{}", db.name);
        let undone: Vec<_> = t.tickets().await.into_iter().filter(|ticket| ticket.resolution == "undone").collect();
        assert_eq!(undone.iter().map(|ticket| ticket.reason).collect::<Vec<_>>(), [Mismatch::MissingRemote]);
        t.assert_books().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_under_one_number_are_settled_in_any_number_of_rows() {
    for db in Db::both().await {
        let (t, _, text) = trading(&db, 12).await;
        let (mut rows, payments) = rows_of(&text);
        // Two payments that the channel took as one and paid out in two parts, and one that it paid out in two.
        let [one, other, split] = [3, 4, 5].map(|i| rows[payments[i]].clone());
        let mut books = AnyConnection::connect(&db.url).await.unwrap();
        let shared = format!("update payment set channel_no = '{}' where id = '{}'", field(&one, 1), field(&other, 0));
        sqlx::query(sqlx::AssertSqlSafe(shared)).execute(&mut books).await.unwrap();
        let sum = |i: usize| yuan(field(&one, i)).checked_add(yuan(field(&other, i))).unwrap();
        let parts = |row: &str, amount: Money, fee: Money| {
            let rest = amount.checked_sub(yuan("1.00")).unwrap().amount();
            [with(row, &[(3, "1.00"), (4, "0.00")]), with(row, &[(3, &rest), (4, &fee.amount())])]
        };
        rows.retain(|row| ![&one, &other, &split].contains(&row));
        rows.extend(parts(&with(&one, &[(0, "")]), sum(3), sum(4)));
        rows.extend(parts(&split, yuan(field(&split, 3)), yuan(field(&split, 4))));
        let done = t.import(&page(&rows)).await;
        // Thirteen rows of ours: ten alone, two together, one in parts.
        assert_eq!((done.matched, done.differences), (12, 0), "{}: {done:?}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tickets_are_opened_and_closed_many_at_a_time() {
    for db in Db::both().await {
        let (t, _, text) = trading(&db, 40).await;
        let (rows, _) = rows_of(&text);
        t.clock.advance(2 * DAY);
        let ends = [rows[0].clone(), rows[rows.len() - 1].clone()];
        for (rows, opened, cleared) in [(&ends[..], rows.len() - 2, 0), (&rows, 0, rows.len() - 2)] {
            let before = t.shop.store().statements();
            let done = t.import(&page(rows)).await;
            let used = t.shop.store().statements() - before;
            assert_eq!((done.opened, done.cleared), (opened, cleared), "{}: {done:?}", db.name);
            assert!(used <= 20, "{}: {used} statements", db.name);
        }
    }
}

//! The books: what moves, what may not, and what cannot be altered unseen.

use crate::db::Db;
use crate::shop::{TestShop, yuan};
use commerce_core::error::{Code, Failure};
use commerce_core::id::Id;
use commerce_core::ledger::seal::{SealKey, Trusted};
use commerce_core::ledger::{Account, AccountKind, Purpose, Transfer, TransferId};
use commerce_core::money::{Currency, Money};
use commerce_core::store::{AccountSearch, Store};
use commerce_core::time::{Clock, HOUR, MINUTE};
use commerce_core::{BookRule, Shop, VerifyError};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::{Connection, Row};
use std::collections::BTreeMap;

fn id(name: &str) -> TransferId {
    Id::derived("test", name)
}

fn card(name: &str) -> Account {
    AccountKind::GiftCard.of(name)
}

fn issue(name: &str, card: Account, amount: &str) -> Transfer {
    Transfer::single(id(name), AccountKind::Bank.own(), card, yuan(amount), Purpose::GiftCardIssued)
}

fn spend(name: &str, card: Account, amount: &str) -> Transfer {
    Transfer::single(id(name), card, AccountKind::Merchant.own(), yuan(amount), Purpose::Manual)
}

impl TestShop {
    async fn book(&self, transfers: &[Transfer]) -> Result<(), Code> {
        self.shop.transfer(&self.staff(), transfers).await.map(drop).map_err(|error| error.code())
    }

    /// Posted and available.
    async fn balance(&self, account: &Account) -> (Money, Money) {
        let search = AccountSearch { kind: Some(account.kind), owner: account.owner.clone() };
        let found = self.shop.balances(&self.staff(), &search, None).await.unwrap();
        found.first().map_or((yuan("0"), yuan("0")), |balance| (balance.posted(), balance.available()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn money_moves_once_and_nobody_spends_what_is_not_there() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        t.book(&[issue("a", card("one"), "100.00"), spend("b", card("one"), "30.00")]).await.unwrap();
        // Sent again: the same answer, and no second movement.
        t.book(&[issue("a", card("one"), "100.00"), spend("b", card("one"), "30.00")]).await.unwrap();
        assert_eq!(t.balance(&card("one")).await.0, yuan("70.00"), "{}", db.name);
        assert_eq!(t.book(&[spend("b", card("one"), "31.00")]).await, Err(Code::TransferConflict));
        assert_eq!(t.book(&[spend("c", card("one"), "70.01")]).await, Err(Code::InsufficientFunds));
        assert_eq!(t.book(&[spend("d", card("none"), "0.01")]).await, Err(Code::InsufficientFunds));
        assert_eq!(t.book(&[spend("e", card("one"), "0.00")]).await, Err(Code::InvalidTransfer));
        let to_itself = Transfer::single(id("f"), card("one"), card("one"), yuan("1.00"), Purpose::Manual);
        assert_eq!(t.book(&[to_itself]).await, Err(Code::InvalidTransfer));
        let as_if_paid = Transfer { purpose: Purpose::Capture, ..spend("j", card("one"), "1.00") };
        assert_eq!(t.book(&[as_if_paid]).await, Err(Code::InvalidTransfer));
        let huge = Money::from_minor(1_000_000_000_000_001, Currency::CNY);
        assert_eq!(
            t.book(&[Transfer { amount: huge, ..issue("k", card("one"), "1.00") }]).await,
            Err(Code::AmountOverflow)
        );
        // One that cannot be booked takes the others of its group with it.
        assert!(t.book(&[spend("g", card("one"), "1.00"), spend("h", card("one"), "500.00")]).await.is_err());
        assert_eq!(t.balance(&card("one")).await.0, yuan("70.00"));
        // Another currency is another account.
        let yen = Money::parse("500", Currency::JPY).unwrap();
        t.book(&[Transfer { amount: yen, ..issue("i", card("one"), "1.00") }]).await.unwrap();
        assert_eq!(t.balance(&card("one")).await.0, yuan("70.00"));
        let verified = t.shop.verify(&t.staff(), &Trusted::default()).await.unwrap();
        assert_eq!((verified.accounts, verified.transfers, verified.unsealed), (5, 3, 8), "{}", db.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pending_transfer_ends_once() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        t.book(&[issue("a", card("one"), "100.00")]).await.unwrap();
        let pending = spend("p", card("one"), "80.00").pending(None);
        t.book(std::slice::from_ref(&pending)).await.unwrap();
        assert_eq!(t.balance(&card("one")).await, (yuan("100.00"), yuan("20.00")), "{}", db.name);
        assert_eq!(t.book(&[spend("b", card("one"), "20.01")]).await, Err(Code::InsufficientFunds));
        let too_much = t.shop.post_transfer(&t.staff(), pending.id, Some(yuan("80.01"))).await.unwrap_err();
        assert_eq!(too_much.code(), Code::InvalidTransfer);
        // Part of it is posted, the rest is free again; once more is the same once.
        for _ in 0..2 {
            t.shop.post_transfer(&t.staff(), pending.id, Some(yuan("50.00"))).await.unwrap();
            assert_eq!(t.balance(&card("one")).await, (yuan("50.00"), yuan("50.00")), "{}", db.name);
        }
        assert_eq!(t.shop.void_transfer(&t.staff(), pending.id).await.unwrap_err().code(), Code::NotPending);
        assert_eq!(
            t.shop.post_transfer(&t.staff(), pending.id, None).await.unwrap_err().code(),
            Code::TransferConflict
        );
        assert_eq!(t.shop.void_transfer(&t.staff(), id("a")).await.unwrap_err().code(), Code::NotPending);
        // What was set aside for one purpose does not end by another: a refund's money is not set free by hand.
        let other = Transfer { purpose: Purpose::Compensation, ..spend("o", card("one"), "1.00").pending(None) };
        t.book(std::slice::from_ref(&other)).await.unwrap();
        let by_hand = Transfer { purpose: Purpose::Manual, ..other.voided(t.clock.now()) };
        assert_eq!(t.book(&[by_hand]).await, Err(Code::NotPending));
        t.shop.void_transfer(&t.staff(), other.id).await.unwrap();

        let until = t.clock.now().plus_micros(HOUR);
        let fleeting = spend("q", card("one"), "10.00").pending(Some(until));
        t.book(std::slice::from_ref(&fleeting)).await.unwrap();
        t.clock.advance(HOUR - 1);
        assert_eq!(t.shop.sweep(&t.system()).await.unwrap().transfers_expired, 0);
        t.clock.advance(1);
        assert_eq!(t.shop.sweep(&t.system()).await.unwrap().transfers_expired, 1);
        assert_eq!(t.balance(&card("one")).await, (yuan("50.00"), yuan("50.00")));
        assert_eq!(t.shop.post_transfer(&t.staff(), fleeting.id, None).await.unwrap_err().code(), Code::NotPending);
        t.shop.verify(&t.staff(), &Trusted::default()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_spend_a_card_exactly_empty() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        t.book(&[issue("a", card("one"), "100.00")]).await.unwrap();
        let spenders: Vec<_> = (0..50)
            .map(|i| {
                let (shop, staff) = (t.shop.clone(), t.staff());
                tokio::spawn(async move {
                    match shop.transfer(&staff, &[spend(&format!("s{i}"), card("one"), "3.00")]).await {
                        Ok(_) => true,
                        Err(error) => {
                            assert_eq!(error.code(), Code::InsufficientFunds, "{error}");
                            false
                        }
                    }
                })
            })
            .collect();
        let mut spent = 0;
        for spender in spenders {
            spent += i32::from(spender.await.unwrap());
        }
        assert_eq!((spent, t.balance(&card("one")).await.0), (33, yuan("1.00")), "{}", db.name);
        t.shop.verify(&t.staff(), &Trusted::default()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn balances_and_statements_of_any_day() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        t.book(&[issue("a", card("one"), "100.00")]).await.unwrap();
        let morning = t.clock.now();
        t.clock.advance(HOUR);
        t.book(&[spend("b", card("one"), "30.00"), spend("p", card("one"), "5.00").pending(None)]).await.unwrap();
        t.clock.advance(HOUR);
        t.shop.void_transfer(&t.staff(), id("p")).await.unwrap();
        t.book(&[spend("c", card("one"), "20.00")]).await.unwrap();
        let search = AccountSearch { kind: Some(AccountKind::GiftCard), ..AccountSearch::default() };
        let mut seen = Vec::new();
        for hours in 0..3 {
            let at = morning.plus_micros(hours * HOUR);
            let balance = t.shop.balances(&t.staff(), &search, Some(at)).await.unwrap().remove(0);
            seen.push((balance.posted(), balance.available()));
        }
        let expected = [("100.00", "100.00"), ("70.00", "65.00"), ("50.00", "50.00")];
        assert_eq!(seen, expected.map(|(posted, available)| (yuan(posted), yuan(available))), "{}", db.name);
        let from = morning.plus_micros(MINUTE);
        let to = from.plus_micros(24 * HOUR);
        let statement = t.shop.statement(&t.staff(), &card("one"), Currency::CNY, from, to).await.unwrap();
        assert_eq!((statement.opening, statement.closing), (yuan("100.00"), yuan("50.00")));
        let last = statement.entries.last().unwrap();
        assert_eq!((statement.entries.len(), last.balance), (4, yuan("50.00")));
        let nobody = t.shop.statement(&t.staff(), &card("none"), Currency::CNY, from, to).await.unwrap_err();
        assert_eq!(nobody.code(), Code::UnknownAccount);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_cut_says_so_and_closes_right() {
    let db = Db::sqlite().await;
    let t = TestShop::open(&db).await;
    t.book(&[issue("all", card("one"), "200.00")]).await.unwrap();
    let spent: Vec<Transfer> = (0..10_000).map(|i| spend(&format!("s{i}"), card("one"), "0.01")).collect();
    for some in spent.chunks(1_000) {
        t.book(some).await.unwrap();
    }
    let (from, to) = (t.clock.now(), t.clock.now().plus_micros(1));
    let cut = t.shop.statement(&t.staff(), &card("one"), Currency::CNY, from, to).await.unwrap();
    assert_eq!((cut.entries.len(), cut.is_cut), (10_000, true));
    assert_eq!((cut.opening, cut.closing), (yuan("0"), yuan("100.00")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gift_card_is_worth_something_and_its_code_stays_secret() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let until = t.clock.now().plus_micros(HOUR);
        let issue =
            async |amount: Money| t.shop.issue_gift_card(&t.staff(), amount, AccountKind::Promotion.own(), until).await;
        for nothing in [0, -100] {
            let refused = issue(Money::from_minor(nothing, Currency::CNY)).await.unwrap_err();
            assert_eq!(refused.code(), Code::InvalidAmount, "{}", db.name);
        }
        let issued = issue(yuan("50.00")).await.unwrap();
        let events = t.shop.store().events_after(0, 1_000).await.unwrap();
        let told = events.iter().find(|placed| placed.event.name == "GiftCard.Issued").unwrap();
        assert_eq!(told.event.subject, issued.card.id.to_string());
        assert_eq!(told.event.payload["tail"], issued.card.tail);
        assert!(!told.event.payload.to_string().contains(issued.code.reveal()), "{}", db.name);
    }
}

/// Random transfers beside a plain model: singles, pendings, posts in part, voids.
#[tokio::test(flavor = "multi_thread")]
async fn the_books_hold_what_a_plain_model_holds() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let mut random = StdRng::seed_from_u64(11);
        let accounts = [card("a"), card("b"), AccountKind::Bank.own(), AccountKind::Merchant.own()];
        // Posted balance and what is set aside, positive on the credit side.
        let mut model: BTreeMap<Account, (i64, i64)> = BTreeMap::new();
        let mut open: Vec<Transfer> = Vec::new();
        for step in 0..300 {
            let (from, to) = (random.random_range(0..4), random.random_range(0..3));
            let (debit, credit) = (accounts[from].clone(), accounts[(from + 1 + to) % 4].clone());
            let amount = random.random_range(1..2_000_i64);
            if random.random_bool(0.3) && !open.is_empty() {
                let pending = open.swap_remove(random.random_range(0..open.len()));
                let reserved = pending.amount.minor();
                model.entry(pending.debit.clone()).or_default().1 -= reserved;
                if random.random_bool(0.5) {
                    t.shop.void_transfer(&t.staff(), pending.id).await.unwrap();
                } else {
                    let part = Money::from_minor(random.random_range(1..=reserved), Currency::CNY);
                    t.shop.post_transfer(&t.staff(), pending.id, Some(part)).await.unwrap();
                    model.entry(pending.debit).or_default().0 -= part.minor();
                    model.entry(pending.credit).or_default().0 += part.minor();
                }
                continue;
            }
            let transfer = Transfer::single(
                id(&format!("r{step}")),
                debit.clone(),
                credit.clone(),
                Money::from_minor(amount, Currency::CNY),
                Purpose::Manual,
            );
            let is_pending = random.random_bool(0.4);
            let transfer = if is_pending { transfer.pending(None) } else { transfer };
            let (posted, aside) = model.get(&debit).copied().unwrap_or_default();
            let may = debit.kind != AccountKind::GiftCard || posted - aside >= amount;
            let booked = t.book(std::slice::from_ref(&transfer)).await;
            assert_eq!(booked, if may { Ok(()) } else { Err(Code::InsufficientFunds) }, "{} step {step}", db.name);
            match (may, is_pending) {
                (false, _) => {}
                (true, true) => {
                    model.entry(debit).or_default().1 += amount;
                    open.push(transfer);
                }
                (true, false) => {
                    model.entry(debit).or_default().0 -= amount;
                    model.entry(credit).or_default().0 += amount;
                }
            }
        }
        for balance in t.shop.balances(&t.staff(), &AccountSearch::default(), None).await.unwrap() {
            let sums = balance.sums;
            let found = (sums.credits_posted - sums.debits_posted, sums.debits_pending);
            assert_eq!(found, model[&balance.account], "{} {}", db.name, balance.account);
        }
        t.shop.verify(&t.staff(), &Trusted::default()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_the_books_refuse_to_change() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        t.book(&[issue("a", card("one"), "100.00")]).await.unwrap();
        t.shop.seal(&t.staff(), &SealKey::from_seed([7; 32]), None).await.unwrap();
        let mut conn = sqlx::AnyConnection::connect(&db.url).await.unwrap();
        for statement in [
            "update ledger_transfer set amount = amount + 1",
            "update ledger_transfer set subject = 'other'",
            "delete from ledger_transfer",
            "update ledger_account set owner = 'other'",
            "update ledger_account set max_side = 'none'",
            "delete from ledger_account",
            "update ledger_leaf set position = position + 1",
            "delete from ledger_leaf",
            "update ledger_seal set root = ''",
            "delete from ledger_seal",
        ] {
            let refused = sqlx::query(statement).execute(&mut conn).await;
            assert!(refused.is_err(), "{}: {statement}", db.name);
        }
        t.shop.verify(&t.staff(), &Trusted::default()).await.unwrap();
    }
}

/// Seals are trusted by this key alone.
fn by(key: &SealKey) -> Trusted {
    Trusted { key: Some(key.public()), last: None }
}

/// Books with everything in them: singles, pendings, ends, several seals.
async fn sealed_books(t: &TestShop, key: &SealKey) {
    for batch in 0..3 {
        for i in 0..6 {
            let name = format!("{batch}-{i}");
            let pending = spend(&format!("p{name}"), card(&name), "40.00").pending(None);
            let held = pending.id;
            let spent = spend(&format!("s{name}"), card(&name), "10.00");
            t.book(&[issue(&format!("i{name}"), card(&name), "100.00")]).await.unwrap();
            t.book(&[spent, pending]).await.unwrap();
            match i % 3 {
                0 => drop(t.shop.post_transfer(&t.staff(), held, Some(yuan("25.00"))).await.unwrap()),
                1 => drop(t.shop.void_transfer(&t.staff(), held).await.unwrap()),
                _ => {}
            }
        }
        t.clock.advance(HOUR);
        t.shop.seal(&t.staff(), key, None).await.unwrap();
    }
    // The newest entries are not sealed yet, and not outside the books either.
    t.book(&[issue("tail", card("tail"), "5.00")]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_cover_everything_and_prove_each_entry() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let key = SealKey::from_seed([7; 32]);
        sealed_books(&t, &key).await;
        let verified = t.shop.verify(&t.staff(), &by(&key)).await.unwrap();
        assert_eq!((verified.seals, verified.unsealed), (3, 2), "{}: {verified:?}", db.name);
        let proof = t.shop.prove(&t.staff(), id("s1-4")).await.unwrap().unwrap();
        assert!(proof.holds(t.tenant, &key.public()));
        assert!(!proof.holds(t.tenant, &SealKey::from_seed([8; 32]).public()));
        let forged = commerce_core::ledger::seal::Inclusion { position: proof.position ^ 1, ..proof };
        assert!(!forged.holds(t.tenant, &key.public()));
        assert_eq!(t.shop.prove(&t.staff(), id("tail")).await.unwrap(), None);
        let other = t.shop.verify(&t.staff(), &by(&SealKey::from_seed([8; 32]))).await.unwrap_err();
        assert!(matches!(other, VerifyError::Disagreement(d) if d.rule == BookRule::KeyIsTrusted));
        assert_eq!(t.shop.seal(&t.staff(), &key, None).await.unwrap().entries, 2);
        assert_eq!(t.shop.seal(&t.staff(), &key, None).await.unwrap().entries, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn seals_that_were_cut_off_are_missed() {
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let key = SealKey::from_seed([7; 32]);
        sealed_books(&t, &key).await;
        let last = t.shop.seal(&t.staff(), &key, None).await.unwrap().last;
        let knowing = Trusted { last, ..by(&key) };
        t.shop.verify(&t.staff(), &knowing).await.unwrap();
        let mut conn = sqlx::AnyConnection::connect(&db.url).await.unwrap();
        switch_guards_off(&mut conn, db.name).await;
        for statement in [
            "insert into ledger_unsealed (tenant, entry, digest) select tenant, entry, digest from ledger_leaf
             where position >= (select max(previous) from ledger_seal)",
            "delete from ledger_leaf where position >= (select max(previous) from ledger_seal)",
            "delete from ledger_seal where previous = (select max(previous) from ledger_seal)",
        ] {
            assert!(sqlx::query(statement).execute(&mut conn).await.unwrap().rows_affected() > 0, "{statement}");
        }
        // Only what is known from outside tells: the log by itself looks as if the last seal had never been made.
        t.shop.verify(&t.staff(), &by(&key)).await.unwrap();
        let found = t.shop.verify(&t.staff(), &knowing).await.unwrap_err();
        assert!(
            matches!(&found, VerifyError::Disagreement(d) if d.rule == BookRule::SealsStay),
            "{}: {found}",
            db.name
        );
        let on_top = t.shop.seal(&t.staff(), &key, knowing.last.as_ref()).await.unwrap_err();
        assert_eq!(on_top.code(), Code::BooksDisagree, "{}", db.name);
        assert_eq!(t.shop.seal(&t.staff(), &key, None).await.unwrap().entries, 2, "{}", db.name);
    }
}

/// Every column of every row, changed by somebody who rules the database and has switched its guards off.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_column_is_found_whatever_it_is() {
    let columns = [
        (
            "ledger_transfer",
            "id tenant phase debit credit currency amount purpose subject pending reserved expires_at at digest",
        ),
        (
            "ledger_account",
            "id tenant kind owner currency max_side digest debits_pending debits_posted credits_pending credits_posted",
        ),
        ("ledger_leaf", "tenant position entry digest"),
        ("ledger_seal", "tenant size previous root peaks key signature at"),
    ];
    let numbers = "amount reserved expires_at at debits_pending debits_posted credits_pending credits_posted position size previous";
    let constrained = ["ledger_transfer.phase", "ledger_transfer.pending", "ledger_account.max_side"];
    for db in Db::both().await {
        let t = TestShop::open(&db).await;
        let key = SealKey::from_seed([7; 32]);
        sealed_books(&t, &key).await;
        t.shop.seal(&t.staff(), &key, None).await.unwrap();
        let mut conn = sqlx::AnyConnection::connect(&db.url).await.unwrap();
        switch_guards_off(&mut conn, db.name).await;
        let (mut altered_columns, mut refused) = (0, Vec::new());
        for (table, columns) in columns {
            for column in columns.split(' ') {
                let is_number = numbers.split(' ').any(|number| number == column);
                let order = if table == "ledger_leaf" {
                    "entry"
                } else if table == "ledger_seal" {
                    "size"
                } else {
                    "id"
                };
                let pick = format!(
                    "select cast({column} as text) as was, cast({order} as text) as at from {table} order by {order}"
                );
                let rows = sqlx::query(sqlx::AssertSqlSafe(pick)).fetch_all(&mut conn).await.unwrap();
                let row = &rows[rows.len() / 2];
                let (was, key_of_row): (String, String) = (row.get("was"), row.get("at"));
                // The next position is taken.
                let more = if column == "position" { 1_000 } else { 1 };
                let altered =
                    if is_number { format!("{}", was.parse::<i64>().unwrap() + more) } else { format!("{was}x") };
                let literal = |value: &str| if is_number { value.to_owned() } else { format!("'{value}'") };
                let set = |from: &str, to: &str, at: &str| {
                    // The row is named by a column that may be the one that changes.
                    let at = if column == order { from } else { at };
                    let by = if order == "size" { at.to_owned() } else { format!("'{at}'") };
                    sqlx::AssertSqlSafe(format!("update {table} set {column} = {} where {order} = {by}", literal(to)))
                };
                match sqlx::query(set(&was, &altered, &key_of_row)).execute(&mut conn).await {
                    Ok(changed) => altered_columns += changed.rows_affected(),
                    // A constraint that holds even now is as good as a finding.
                    Err(_) => {
                        refused.push(format!("{table}.{column}"));
                        continue;
                    }
                }
                let found = t.shop.verify(&t.staff(), &by(&key)).await;
                assert!(found.is_err(), "{}: {table}.{column} {was} → {altered} went unseen", db.name);
                sqlx::query(set(&altered, &was, &key_of_row)).execute(&mut conn).await.unwrap();
                let restored = t.shop.verify(&t.staff(), &by(&key)).await;
                assert!(restored.is_ok(), "{}: {table}.{column}: {restored:?}", db.name);
            }
        }
        assert_eq!((altered_columns, refused), (34, constrained.map(str::to_owned).to_vec()), "{}", db.name);
        move_to_another_shop(&mut conn, id("s1-4")).await;
        let found = t.shop.verify(&t.staff(), &by(&key)).await.unwrap_err();
        assert!(
            matches!(&found, VerifyError::Disagreement(d) if d.rule == BookRule::EntriesStay),
            "{}: {found}",
            db.name
        );
    }
}

/// The transfer leaves the books of its shop, and what it brought leaves the sums: nothing that is left misses it.
async fn move_to_another_shop(conn: &mut sqlx::AnyConnection, transfer: TransferId) {
    for (side, sum) in [("debit", "debits_posted"), ("credit", "credits_posted")] {
        let less = format!(
            "update ledger_account set {sum} = {sum} - (select amount from ledger_transfer where id = '{transfer}')
             where id = (select {side} from ledger_transfer where id = '{transfer}')"
        );
        let changed = sqlx::query(sqlx::AssertSqlSafe(less)).execute(&mut *conn).await.unwrap();
        assert_eq!(changed.rows_affected(), 1);
    }
    let moved = format!("update ledger_transfer set tenant = tenant || 'x' where id = '{transfer}'");
    assert_eq!(sqlx::query(sqlx::AssertSqlSafe(moved)).execute(conn).await.unwrap().rows_affected(), 1);
}

async fn switch_guards_off(conn: &mut sqlx::AnyConnection, database: &str) {
    if database == "postgres" {
        sqlx::query("set session_replication_role = replica").execute(&mut *conn).await.unwrap();
        return;
    }
    sqlx::query("pragma foreign_keys = off").execute(&mut *conn).await.unwrap();
    let guards = "select name from sqlite_master where type = 'trigger'";
    for guard in sqlx::query(guards).fetch_all(&mut *conn).await.unwrap() {
        let drop = format!("drop trigger {}", guard.get::<String, _>("name"));
        sqlx::query(sqlx::AssertSqlSafe(drop)).execute(&mut *conn).await.unwrap();
    }
}

/// One bit of the file, anywhere in the pages of the books: if any row reads otherwise than before, `verify` says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_in_the_file_is_found() {
    let seed = 23;
    let mut random = StdRng::seed_from_u64(seed);
    let db = Db::sqlite().await;
    let t = TestShop::open(&db).await;
    let key = SealKey::from_seed([7; 32]);
    sealed_books(&t, &key).await;
    t.shop.seal(&t.staff(), &key, None).await.unwrap();
    let path = db.url.strip_prefix("sqlite:").unwrap();
    let (pages, before) = {
        let mut conn = sqlx::AnyConnection::connect(&db.url).await.unwrap();
        sqlx::query("pragma wal_checkpoint(truncate)").execute(&mut conn).await.unwrap();
        let pages = "select pageno from dbstat where name in ('ledger_transfer', 'ledger_account', 'ledger_leaf', 'ledger_seal')";
        let pages: Vec<i64> = sqlx::query(pages).fetch_all(&mut conn).await.unwrap().iter().map(|r| r.get(0)).collect();
        (pages, content(&mut conn).await.unwrap())
    };
    t.shop.store().close().await;
    let original = std::fs::read(path).unwrap();
    let (mut altered, mut unseen) = (0, 0);
    for _ in 0..400 {
        let page = usize::try_from(pages[random.random_range(0..pages.len())]).unwrap();
        let at = (page - 1) * 4096 + random.random_range(0..4096);
        let mut bytes = original.clone();
        bytes[at] ^= 1 << random.random_range(0..8);
        let copy = tempfile::tempdir().unwrap();
        let file = copy.path().join("shop.db");
        std::fs::write(&file, bytes).unwrap();
        let url = format!("sqlite:{}", file.display());
        let reads_the_same = match sqlx::AnyConnection::connect(&url).await {
            Ok(mut conn) => content(&mut conn).await.is_some_and(|now| now == before),
            Err(_) => false,
        };
        let found = match Store::open(&url).await {
            Ok(store) => Shop::new(store).verify(&t.staff(), &by(&key)).await.is_err(),
            Err(_) => true,
        };
        altered += i32::from(!reads_the_same);
        unseen += i32::from(!reads_the_same && !found);
    }
    assert!(altered > 100, "seed {seed}: only {altered} flips changed a row");
    assert_eq!(unseen, 0, "seed {seed}: {unseen} of {altered} changes went unseen");
    println!("seed {seed}: {altered} of 400 flips changed a row, all were found");
}

/// Every row of the books as text; none if the file cannot be read.
async fn content(conn: &mut sqlx::AnyConnection) -> Option<Vec<String>> {
    let mut all = Vec::new();
    for table in [
        "select id || tenant || phase || debit || credit || currency || amount || purpose || subject || pending || reserved || expires_at || at || digest from ledger_transfer not indexed",
        "select id || tenant || kind || owner || currency || max_side || digest || debits_pending || '/' || debits_posted || '/' || credits_pending || '/' || credits_posted from ledger_account not indexed",
        "select tenant || position || entry || digest from ledger_leaf not indexed",
        "select tenant || size || '/' || previous || root || peaks || key || signature || at from ledger_seal not indexed",
    ] {
        let rows = sqlx::query(table).fetch_all(&mut *conn).await.ok()?;
        for row in rows {
            all.push(row.try_get::<String, _>(0).ok()?);
        }
    }
    Some(all)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_books_are_closed_to_shoppers() {
    let db = Db::sqlite().await;
    let t = TestShop::open(&db).await;
    let buyer = t.add_customer("C1").await;
    let shopper = buyer.caller.clone();
    assert_eq!(t.shop.transfer(&shopper, &[issue("a", card("x"), "1.00")]).await.unwrap_err().code(), Code::NotAllowed);
    assert_eq!(t.shop.verify(&shopper, &Trusted::default()).await.unwrap_err().code(), Code::NotAllowed);
    let balances = t.shop.balances(&shopper, &AccountSearch::default(), None).await;
    assert_eq!(balances.unwrap_err().code(), Code::NotAllowed);
}

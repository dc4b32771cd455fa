use super::*;
use crate::error::{Code, Failure, Language};
use crate::money::{Currency, MoneyError};
use crate::time::{DAY, HOUR, MINUTE};
use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

const NOW: Timestamp = Timestamp::from_micros(20_000 * DAY);

fn yuan(minor: i64) -> Money {
    Money::from_minor(minor, Currency::CNY)
}

fn dollars(minor: i64) -> Money {
    Money::from_minor(minor, Currency::USD)
}

/// A payment of ours that was due yesterday, at a fee of 1%.
fn ours(id: &str, minor: i64) -> Expected {
    Expected {
        id: id.to_owned(),
        kind: RowKind::Payment,
        channel_no: format!("c-{id}"),
        amount: yuan(minor),
        fee: yuan(minor / 100),
        at: NOW.plus_micros(-2 * DAY),
        due: NOW.plus_micros(-DAY),
    }
}

/// The row a channel without faults would send for it.
fn row_of(e: &Expected) -> StatementRow {
    StatementRow {
        line: 0,
        kind: e.kind,
        our_no: e.id.clone(),
        channel_no: e.channel_no.clone(),
        reference: String::new(),
        amount: e.amount,
        fee: e.fee,
        at: e.at,
    }
}

/// A row that carries nothing of ours.
fn theirs(channel_no: &str, minor: i64) -> StatementRow {
    StatementRow { channel_no: channel_no.into(), ..row_of(&ours("", minor)) }
}

fn in_batch(row: StatementRow) -> StatementRow {
    StatementRow { reference: "B1".into(), ..row }
}

/// Everything an outcome says, as `[0]=[0]` or `AMOUNT [0]=[0] ours/theirs`.
fn check(expected: &[&Expected], rows: &[&StatementRow], says: &str) {
    let (expected, rows): (Vec<_>, Vec<_>) =
        (expected.iter().copied().cloned().collect(), rows.iter().copied().cloned().collect());
    let outcome = reconcile(&expected, &rows, NOW);
    let matches = outcome.matches.iter().map(|m| format!("{:?}={:?}", m.expected, m.rows));
    let amount = |amount: Option<Money>| amount.map_or("-".to_owned(), |amount| amount.amount());
    let differences = outcome.differences.iter().map(|d| {
        let amounts = format!("{}/{}", amount(d.expected_amount), amount(d.actual_amount));
        format!("{} {:?}={:?} {amounts}", d.reason, d.expected, d.rows)
    });
    let awaited = outcome.awaited.iter().map(|i| format!("awaited {i}"));
    assert_eq!(matches.chain(differences).chain(awaited).collect::<Vec<_>>().join("; "), says);
}

#[test]
fn each_difference_has_its_name() {
    let (a, b) = (ours("pay_a", 10_00), ours("pay_b", 20_00));
    let good = row_of(&a);
    check(&[&a], &[&good], "[0]=[0]");
    check(&[&a], &[], "MISSING_REMOTE [0]=[] 10.00/-");
    check(&[], &[&good], "MISSING_LOCAL []=[0] -/10.00");
    let more = StatementRow { amount: yuan(11_00), ..good.clone() };
    check(&[&a], &[&more], "AMOUNT [0]=[0] 10.00/11.00");
    check(&[&a], &[&more, &more], "AMOUNT [0]=[0] 10.00/11.00; DUPLICATE []=[1] -/11.00");
    let foreign = StatementRow { amount: dollars(10_00), fee: dollars(10), ..good.clone() };
    check(&[&a], &[&foreign], "CURRENCY [0]=[0] 10.00/10.00");
    check(&[&a], &[&foreign, &good], "[0]=[1]; MISSING_LOCAL []=[0] -/10.00");
    let dear = StatementRow { fee: yuan(11), ..good.clone() };
    check(&[&a], &[&dear], "FEE [0]=[0] 0.10/0.11");
    check(&[&a], &[&good, &good], "[0]=[0]; DUPLICATE []=[1] -/10.00");
    check(&[&a], &[&dear, &good], "[0]=[1]; DUPLICATE []=[0] -/10.00");
    let charged_again = StatementRow { channel_no: "c-other".into(), ..good.clone() };
    check(&[&a], &[&charged_again, &good], "[0]=[1]; DUPLICATE []=[0] -/10.00");
    let refund = StatementRow { kind: RowKind::Refund, ..good.clone() };
    check(&[&a], &[&good, &refund], "[0]=[0]; MISSING_LOCAL []=[1] -/10.00");
    let adjustment = StatementRow { kind: RowKind::Adjustment, ..theirs("", 5_00) };
    check(&[], &[&adjustment, &adjustment], "MISSING_LOCAL []=[0] -/5.00; DUPLICATE []=[1] -/5.00");
    let taken = StatementRow { amount: yuan(-5_00), ..adjustment };
    check(&[], &[&taken, &taken], "MISSING_LOCAL []=[0] -/-5.00; DUPLICATE []=[1] -/-5.00");
    let by_channel_no = StatementRow { our_no: "unknown".into(), ..row_of(&b) };
    check(&[&a, &b], &[&by_channel_no, &good], "[0]=[1]; [1]=[0]");
}

#[test]
fn what_is_not_due_is_awaited() {
    let late = Expected { due: NOW.plus_micros(1), ..ours("pay_late", 10_00) };
    check(&[&late], &[], "awaited 0");
    check(&[&late], &[&row_of(&late)], "[0]=[0]");
    check(&[&Expected { due: NOW, ..late }], &[], "MISSING_REMOTE [0]=[] 10.00/-");
}

#[test]
fn one_and_several_settle_each_other() {
    let part = |e: &Expected, minor: i64| StatementRow { amount: yuan(minor), fee: yuan(minor / 100), ..row_of(e) };
    let whole = ours("pay_a", 30_00);
    let (ten, half, twenty) = (part(&whole, 10_00), part(&whole, 15_00), part(&whole, 20_00));
    check(&[&whole], &[&ten, &twenty], "[0]=[0, 1]");
    check(&[&whole], &[&half, &half, &half], "[0]=[0, 1]; DUPLICATE []=[2] -/15.00");
    check(&[&whole], &[&twenty, &half], "AMOUNT [0]=[0, 1] 30.00/35.00");

    // Paid together, under one number of the channel.
    let together = |id: &str, minor: i64| Expected { channel_no: "c-1".into(), ..ours(id, minor) };
    let (a, b) = (together("pay_a", 10_00), together("pay_b", 20_00));
    let sum = theirs("c-1", 30_00);
    check(&[&a, &b], &[&sum], "[0, 1]=[0]");
    check(&[&a, &b], &[&part(&a, 30_00)], "[0, 1]=[0]");
    check(&[&a, &b], &[&theirs("c-1", 12_00), &theirs("c-1", 18_00)], "[0, 1]=[0, 1]");
    check(&[&a, &b], &[&sum, &sum], "[0, 1]=[0]; DUPLICATE []=[1] -/30.00");
    check(&[&a, &b], &[&StatementRow { fee: yuan(29), ..sum.clone() }], "FEE [0, 1]=[0] 0.30/0.29");
    check(&[&a, &b], &[&theirs("c-1", 31_00)], "AMOUNT [0, 1]=[0] 30.00/31.00");
    let later = Expected { due: NOW.plus_micros(HOUR), ..together("pay_c", 5_00) };
    check(&[&a, &b, &later], &[&sum], "[0, 1]=[0]; awaited 2");
}

#[test]
fn errors_in_a_batch_do_not_cancel_out() {
    let (a, b) = (ours("pay_a", 10_00), ours("pay_b", 20_00));
    let more = in_batch(StatementRow { amount: yuan(11_00), ..row_of(&a) });
    let less = in_batch(StatementRow { amount: yuan(19_00), ..row_of(&b) });
    check(&[&a, &b], &[&more, &less], "AMOUNT [0]=[0] 10.00/11.00; AMOUNT [1]=[1] 20.00/19.00");
    let other = in_batch(row_of(&ours("pay_x", 9_00)));
    let both = "AMOUNT [1]=[0] 20.00/11.00; MISSING_REMOTE [0]=[] 10.00/-; MISSING_LOCAL []=[1] -/9.00";
    check(&[&a, &b], &[&in_batch(StatementRow { amount: yuan(11_00), ..row_of(&b) }), &other], both);
    check(
        &[&a],
        &[&other, &other],
        "MISSING_REMOTE [0]=[] 10.00/-; MISSING_LOCAL []=[0] -/9.00; DUPLICATE []=[1] -/9.00",
    );
}

/// As the sandbox channel would write it.
fn sandbox_file(rows: &[StatementRow]) -> String {
    let mut file = "merchant_order_no,channel_no,type,amount,fee,currency,completed_at,batch_no\n".to_owned();
    for row in rows {
        let (kind, currency) = (row.kind.to_string().to_uppercase(), row.amount.currency());
        let (amount, fee) = (row.amount.amount(), row.fee.amount());
        let cells = [&row.our_no, &row.channel_no, &kind, &amount, &fee, currency.code(), &row.at.to_string()];
        file.push_str(&format!("{},{}\n", cells.join(","), row.reference));
    }
    file
}

/// Books and a statement with faults of these kinds, and which: `AMOUNT pay_17`.
fn faulty(kinds: &[Mismatch], seed: u64) -> (Vec<Expected>, Vec<StatementRow>, Vec<String>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut books, mut rows, mut faults) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..20_000 {
        let minor = if rng.random_bool(0.3) { 59_90 } else { rng.random_range(100..100_000) };
        let mut e = Expected { at: NOW.plus_micros(-n * MINUTE), ..ours(&format!("pay_{n}"), minor) };
        if rng.random_bool(0.2) {
            (e.id, e.kind) = (format!("ref_{n}"), RowKind::Refund);
        }
        let mut row = in_batch(row_of(&e));
        let fault = kinds.get(rng.random_range(0..kinds.len() * 20)).copied();
        faults.extend(fault.map(|fault| format!("{fault} {}", e.id)));
        match fault {
            Some(Mismatch::Amount) => row.amount = yuan(minor + rng.random_range(1..50)),
            Some(Mismatch::Currency) => (row.amount, row.fee) = (dollars(minor), dollars(minor / 100)),
            Some(Mismatch::Fee) => row.fee = yuan(minor / 100 + 1),
            Some(Mismatch::Duplicate) => rows.push(row.clone()),
            Some(Mismatch::MissingRemote | Mismatch::MissingLocal) | None => {}
        }
        if fault != Some(Mismatch::MissingRemote) {
            rows.push(row);
        }
        if fault != Some(Mismatch::MissingLocal) {
            books.push(e);
        }
    }
    rows.shuffle(&mut rng);
    (books, rows, faults)
}

#[test]
fn every_fault_is_found_and_none_invented() {
    use Mismatch::*;
    let all = [MissingRemote, MissingLocal, Amount, Currency, Fee, Duplicate];
    let each = all.iter().map(std::slice::from_ref);
    for (kinds, seed) in each.chain([&all[..]]).zip(1..) {
        let (mut books, rows, mut faults) = faulty(kinds, seed);
        assert!(faults.len() > 500);
        let late: Vec<Expected> =
            (0..100).map(|n| Expected { due: NOW.plus_micros(1), ..ours(&format!("late_{n}"), 59_90) }).collect();
        books.extend(late);
        let rows = read_statement(sandbox_file(&rows).as_bytes(), &StatementFormat::sandbox()).unwrap();
        let outcome = reconcile(&books, &rows, NOW);
        let subject = |d: &Difference| d.expected.first().map_or_else(|| &rows[d.rows[0]].our_no, |i| &books[*i].id);
        let mut found: Vec<String> =
            outcome.differences.iter().map(|d| format!("{} {}", d.reason, subject(d))).collect();
        found.sort_unstable();
        faults.sort_unstable();
        assert_eq!(found, faults);
        assert_eq!(outcome.awaited, Vec::from_iter(books.len() - 100..books.len()));
        assert_partition(&books, &rows, &outcome);
    }
}

fn assert_partition(expected: &[Expected], rows: &[StatementRow], outcome: &Outcome) {
    let parts = outcome.matches.iter().map(|m| (&m.expected, &m.rows));
    let parts: Vec<_> = parts.chain(outcome.differences.iter().map(|d| (&d.expected, &d.rows))).collect();
    let mut ours: Vec<usize> = parts.iter().flat_map(|part| part.0).chain(&outcome.awaited).copied().collect();
    let mut theirs: Vec<usize> = parts.iter().flat_map(|part| part.1).copied().collect();
    ours.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(ours, Vec::from_iter(0..expected.len()));
    assert_eq!(theirs, Vec::from_iter(0..rows.len()));

    let sum = |amounts: Vec<Money>| Money::sum(amounts[0].currency(), amounts).unwrap();
    for m in &outcome.matches {
        let (e, r) = (m.expected.iter().map(|i| &expected[*i]), m.rows.iter().map(|i| &rows[*i]));
        assert_eq!(sum(e.clone().map(|e| e.amount).collect()), sum(r.clone().map(|r| r.amount).collect()));
        assert_eq!(sum(e.map(|e| e.fee).collect()), sum(r.map(|r| r.fee).collect()));
    }
    for d in &outcome.differences {
        let is_named_well = match d.reason {
            Mismatch::MissingRemote => d.rows.is_empty() && expected[d.expected[0]].due <= NOW,
            Mismatch::MissingLocal | Mismatch::Duplicate => d.expected.is_empty() && d.rows.len() == 1,
            Mismatch::Amount | Mismatch::Fee => d.expected_amount != d.actual_amount,
            Mismatch::Currency => rows[d.rows[0]].amount.currency() != expected[d.expected[0]].amount.currency(),
        };
        assert!(is_named_well, "{d:?}");
    }
    let keys: std::collections::HashSet<_> = outcome.differences.iter().map(|d| &d.key).collect();
    assert_eq!(keys.len(), outcome.differences.len());
}

prop_compose! {
    /// So few numbers that everything collides.
    fn any_side()(no in 0..6, channel in 0..4, minor in 0..4i64, fee in 0..2i64, is_usd in prop::bool::weighted(0.1),
        is_refund in prop::bool::weighted(0.2), is_due in prop::bool::ANY) -> Expected {
        let text = |n: i32| if n == 0 { String::new() } else { n.to_string() };
        let money = if is_usd { dollars } else { yuan };
        let kind = if is_refund { RowKind::Refund } else { RowKind::Payment };
        let due = if is_due { NOW } else { NOW.plus_micros(1) };
        Expected { id: text(no), kind, channel_no: text(channel), amount: money(minor), fee: money(fee), at: NOW, due }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn everything_is_in_exactly_one_place(
        books in prop::collection::vec(any_side(), 0..10),
        statement in prop::collection::vec(any_side(), 0..10),
    ) {
        let rows: Vec<StatementRow> = statement.iter().map(row_of).collect();
        let outcome = reconcile(&books, &rows, NOW);
        assert_partition(&books, &rows, &outcome);
        prop_assert_eq!(reconcile(&books, &rows, NOW), outcome);
    }
}

#[test]
fn a_difference_keeps_its_key() {
    let (a, b) = (ours("pay_a", 10_00), ours("pay_b", 20_00));
    let rows = [StatementRow { amount: yuan(11_00), ..row_of(&a) }, row_of(&ours("pay_x", 5_00))];
    let keys = |expected: &[Expected], rows: &[StatementRow]| -> Vec<String> {
        reconcile(expected, rows, NOW).differences.into_iter().map(|d| d.key).collect()
    };
    let early = keys(std::slice::from_ref(&a), &rows);
    assert_eq!(early[0], "AMOUNT:pay_a");
    assert!(early[1].starts_with("MISSING_LOCAL:payment/pay_x/c-pay_x/5.00 CNY/"), "{}", early[1]);
    let later = keys(&[b.clone(), a], &[row_of(&b), rows[1].clone(), rows[0].clone()]);
    assert_eq!(later, early);
}

#[test]
fn an_imported_row_is_known_again() {
    let row = row_of(&ours("pay_a", 10_00));
    let other = StatementRow { fee: yuan(11), ..row.clone() };
    let moved = StatementRow { line: 9, ..row.clone() };
    let first = fingerprints(&[row.clone(), row.clone(), other.clone()]);
    let again = fingerprints(&[other, moved, row.clone(), row.clone()]);
    assert_eq!(first[0].len(), 64);
    assert_ne!(first[0], first[1]);
    assert_ne!(first[0], first[2]);
    assert_eq!([&again[1], &again[2], &again[0]], [&first[0], &first[1], &first[2]]);
    assert!(!first.contains(&again[3]));
}

mod sheets;

//! Properties of money. `PROPTEST_CASES=3000000 cargo test -p commerce-core money` runs millions of cases.

use super::*;
use proptest::prelude::*;

fn currency() -> impl Strategy<Value = Currency> {
    prop_oneof![Just(Currency::CNY), Just(Currency::JPY), Just(Currency::KWD)]
}

proptest! {
    #[test]
    fn parts_sum_to_the_whole_and_stay_fair(minor in any::<i64>().prop_filter("negatable", |m| *m != i64::MIN), weights in prop::collection::vec(0_u64..1_000_000, 1..20), currency in currency()) {
        let whole = Money::from_minor(minor, currency);
        let parts = whole.split(&weights);
        prop_assert_eq!(Money::sum(currency, parts.iter().copied()).unwrap(), whole);
        let total: i128 = weights.iter().map(|w| i128::from(*w)).sum();
        for (part, weight) in parts.iter().zip(&weights) {
            if total > 0 {
                let exact_times_total = i128::from(minor) * i128::from(*weight);
                prop_assert!((i128::from(part.minor()) * total - exact_times_total).abs() < total, "within one unit of the exact share");
            }
        }
    }

    #[test]
    fn text_round_trips(minor in any::<i64>().prop_filter("i64::MIN has no positive twin", |m| *m != i64::MIN), currency in currency()) {
        let money = Money::from_minor(minor, currency);
        prop_assert_eq!(Money::parse(&money.amount(), currency).unwrap(), money);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}", currency in currency()) {
        if let Ok(money) = Money::parse(&text, currency) {
            prop_assert_eq!(Money::parse(&money.amount(), currency).unwrap(), money);
        }
    }

    #[test]
    fn a_rate_is_within_half_a_unit(minor in -1_000_000_000_000_i64..1_000_000_000_000, points in 0_u32..20_000) {
        let share = Rate::from_basis_points(points).of(Money::from_minor(minor, Currency::CNY), Round::HalfEven).unwrap();
        let error_times_20000 = (i128::from(share.minor()) * 10_000 - i128::from(minor) * i128::from(points)).abs() * 2;
        prop_assert!(error_times_20000 <= 10_000);
    }

    #[test]
    fn sums_never_wrap(left in any::<i64>(), right in any::<i64>()) {
        let sum = Money::from_minor(left, Currency::CNY).checked_add(Money::from_minor(right, Currency::CNY));
        prop_assert_eq!(sum.ok().map(Money::minor), left.checked_add(right));
    }
}

#[test]
fn amounts_are_refused_for_the_right_reason() {
    let code = |text: &str, currency| Money::parse(text, currency).unwrap_err().code();
    assert_eq!(code("1.999", Currency::CNY), Code::TooManyDecimals);
    assert_eq!(code("1.5", Currency::JPY), Code::TooManyDecimals);
    assert_eq!(code("92233720368547758.08", Currency::CNY), Code::AmountOverflow);
    assert_eq!(code("99999999999999999999999999999999999999999999", Currency::CNY), Code::AmountOverflow);
    for bad in ["", "-", ".", "1.", ".5", "1,000.00", "１２", "1e3", "NaN", "--1", "+1", " 1"] {
        assert_eq!(code(bad, Currency::CNY), Code::InvalidAmount, "{bad:?}");
    }
    assert_eq!("XYZ".parse::<Currency>().unwrap_err().code(), Code::UnknownCurrency);
    assert_eq!("cny".parse::<Currency>().unwrap_err().code(), Code::UnknownCurrency);
}

#[test]
fn currencies_know_their_decimals() {
    assert_eq!(Money::parse("59.9", Currency::CNY).unwrap().to_string(), "59.90 CNY");
    assert_eq!(Money::parse("-0.05", Currency::CNY).unwrap().minor(), -5);
    assert_eq!(Money::parse("1000", Currency::JPY).unwrap().to_string(), "1000 JPY");
    assert_eq!(Money::parse("1.234", Currency::KWD).unwrap().minor(), 1234);
    let mixed = Money::zero(Currency::CNY).checked_add(Money::zero(Currency::JPY));
    assert_eq!(mixed.unwrap_err().code(), Code::CurrencyMismatch);
}

#[test]
fn halves_round_as_named() {
    let half = Money::from_minor(5, Currency::CNY);
    let ten_percent = Rate::from_basis_points(1_000);
    assert_eq!(ten_percent.of(half, Round::HalfEven).unwrap().minor(), 0);
    assert_eq!(ten_percent.of(half, Round::HalfUp).unwrap().minor(), 1);
    assert_eq!(ten_percent.of(Money::from_minor(15, Currency::CNY), Round::HalfEven).unwrap().minor(), 2);
    assert_eq!(
        Rate::from_basis_points(900).within(Money::from_minor(10_900, Currency::CNY), Round::HalfEven).unwrap().minor(),
        900
    );
}

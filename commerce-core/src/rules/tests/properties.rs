//! What holds for all rules and baskets. `PROPTEST_CASES=100000 cargo test -p commerce-core rules` looks further.

use super::*;
use crate::customer::Level;
use crate::money::Money;
use proptest::prelude::*;

fn currency() -> impl Strategy<Value = Currency> {
    prop_oneof![Just(Currency::CNY), Just(Currency::JPY), Just(Currency::KWD)]
}

fn amount(currency: Currency) -> impl Strategy<Value = String> {
    (1_i64..60_000).prop_map(move |minor| Money::from_minor(minor, currency).amount())
}

fn scope() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0..3, 0..3).prop_map(
            |(a, b)| json!({"level": "product", "products": [format!("p{a}")], "categories": [format!("c{b}")]})
        ),
        (0..2).prop_map(|a| json!({"level": "activity", "activity": format!("a{a}")})),
        Just(json!({"level": "user", "levels": ["gold", "silver"], "tags": ["vip"]})),
        Just(json!({"level": "platform"})),
    ]
}

fn condition(currency: Currency) -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => Just(json!({"all": []})),
        1 => amount(currency).prop_map(|amount| json!({ "amount_at_least": amount })),
        1 => amount(currency).prop_map(|amount| json!({ "amount_below": amount })),
        1 => (2..9).prop_map(|pieces| json!({ "pieces_at_least": pieces })),
        1 => (2..9).prop_map(|pieces| json!({ "pieces_below": pieces })),
        1 => Just(json!({"channel_in": ["h5", "app"]})),
        1 => Just(json!({"level_in": ["gold"]})),
        1 => Just(json!({"tag_in": ["new", "vip"]})),
        1 => Just(json!({"first_order": true})),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(|parts| json!({ "all": parts })),
            prop::collection::vec(inner.clone(), 1..3).prop_map(|parts| json!({ "any": parts })),
            inner.prop_map(|inner| json!({ "not": inner })),
        ]
    })
}

fn effect(currency: Currency) -> impl Strategy<Value = (&'static str, Value)> {
    let reduce = amount(currency).prop_map(|reduce| ("full_reduction", json!({ "reduce": reduce })));
    let every =
        (1_i64..5_000, 2_i64..9, prop::option::of(amount(currency))).prop_map(move |(reduce, times, at_most)| {
            let text = |minor| Money::from_minor(minor, currency).amount();
            ("full_reduction", json!({"every": text(reduce * times), "reduce": text(reduce), "at_most": at_most}))
        });
    let steps = prop::collection::vec(1_i64..9_000, 1..4).prop_map(move |mut reductions| {
        reductions.sort_unstable();
        reductions.dedup();
        let text = |minor| Money::from_minor(minor, currency).amount();
        let step = |reduce: &i64| json!({"from": text(reduce * 3), "reduce": text(*reduce)});
        ("full_reduction", json!({"steps": reductions.iter().map(step).collect::<Vec<_>>()}))
    });
    let percent = (1..=9_000, prop::option::of(amount(currency)))
        .prop_map(|(points, at_most)| ("discount", json!({"percent_off": points, "at_most": at_most})));
    let freight = Just(("free_shipping", json!({"free_shipping": true})));
    (prop_oneof![3 => reduce, 3 => every, 3 => steps, 3 => percent, 1 => freight], prop::bool::weighted(0.3))
        .prop_map(|((kind, effect), is_coupon)| (if is_coupon { "coupon" } else { kind }, effect))
}

fn some_rule(currency: Currency) -> impl Strategy<Value = Rule> {
    let when = prop_oneof![8 => Just("2026-12-01T00:00:00Z"), 1 => Just("2026-11-20T00:00:00Z")];
    let parts = (scope(), condition(currency), effect(currency), any::<bool>(), 0..3, when);
    parts.prop_filter_map("contradicts itself", move |(scope, condition, (kind, effect), stackable, priority, end)| {
        let document = document(&json!({
            "scope": scope, "condition": condition, "type": kind, "effect": effect,
            "stackable": stackable, "priority": priority, "valid_to": end
        }));
        Rule::read(&document.to_string(), currency).ok()
    })
}

/// Minor amounts and floors, pieces, and which product, category and activity.
type Lines = Vec<(i64, i64, u32, [usize; 3])>;

fn scene() -> impl Strategy<Value = (Currency, Vec<Rule>, Lines, Vec<usize>)> {
    currency().prop_flat_map(|currency| {
        let line = (0_i64..90_000, 0_i64..90_000, 1_u32..6, prop::array::uniform3(0_usize..3));
        let rules = prop::collection::vec(some_rule(currency), 0..9).prop_map(|rules| {
            let numbered = rules.into_iter().enumerate();
            numbered.map(|(i, rule)| Rule { rule_id: format!("rule-{i}"), ..rule }).collect()
        });
        (Just(currency), rules, prop::collection::vec(line, 0..7), prop::collection::vec(0_usize..9, 0..6))
    })
}

fn outcome(currency: Currency, rules: &[Rule], lines: &Lines, coupons: &[usize]) -> Outcome {
    const PRODUCTS: [&str; 3] = ["p0", "p1", "p2"];
    const CATEGORIES: [&str; 3] = ["c0", "c1", "c2"];
    let ids: Vec<String> = coupons.iter().map(|i| format!("rule-{i}")).collect();
    let codes: Vec<String> = (0..coupons.len()).map(|i| format!("code-{i}")).collect();
    let coupons: Vec<_> = ids.iter().zip(&codes).map(|(rule_id, code)| PresentedCoupon { code, rule_id }).collect();
    let line = |&(amount, floor, qty, [product, category, activity]): &(i64, i64, u32, [usize; 3])| BasketLine {
        sku_code: "sku",
        product_code: PRODUCTS[product],
        category: CATEGORIES[category],
        activity: [None, Some("a0"), Some("a1")][activity],
        qty,
        amount: Money::from_minor(amount, currency),
        floor: Money::from_minor(floor, currency),
    };
    let lines: Vec<BasketLine> = lines.iter().map(line).collect();
    let now = "2026-11-21T00:00:00Z".parse().unwrap();
    let (is_first_order, tags) = (FirstOrder::Yes, ["vip".to_owned()]);
    let basket = Basket {
        lines: &lines,
        channel: "h5",
        level: Level::Gold,
        tags: &tags,
        is_first_order,
        coupons: &coupons,
        currency,
        now,
    };
    evaluate(rules, &basket).unwrap()
}

proptest! {
    #[test]
    fn what_is_taken_off_adds_up_and_keeps_to_the_floor((currency, rules, lines, coupons) in scene()) {
        let outcome = outcome(currency, &rules, &lines, &coupons);
        for (taken, (amount, floor, ..)) in outcome.per_line.iter().zip(&lines) {
            prop_assert!(0 <= taken.minor() && taken.minor() <= (amount - floor).max(0));
        }
        prop_assert_eq!(Money::sum(currency, outcome.per_line.iter().copied()).unwrap(), outcome.discount);
        let mut per_line = vec![0; lines.len()];
        for one in &outcome.considered {
            if let Verdict::Fired { amount, per_line: parts, capped_by_floor } = &one.verdict {
                prop_assert_eq!(Money::sum(currency, parts.iter().map(|(_, part)| *part)).unwrap(), *amount);
                prop_assert!(amount.minor() > 0 && !capped_by_floor.is_negative());
                parts.iter().for_each(|(i, part)| per_line[*i] += part.minor());
            }
        }
        prop_assert_eq!(per_line, outcome.per_line.iter().map(|taken| taken.minor()).collect::<Vec<_>>());
    }

    #[test]
    fn who_may_not_share_a_line_has_it_alone((currency, rules, lines, coupons) in scene()) {
        let outcome = outcome(currency, &rules, &lines, &coupons);
        for line in 0..lines.len() {
            let reduced = |parts: &[(usize, Money)]| parts.iter().any(|(i, _)| *i == line);
            let took = |one: &&Considered| matches!(&one.verdict, Verdict::Fired { per_line, .. } if reduced(per_line));
            let takers: Vec<_> = outcome.considered.iter().filter(took).collect();
            let selfish = |one: &&Considered| rules.iter().any(|rule| rule.rule_id == one.rule_id && !rule.stackable);
            prop_assert!(takers.len() <= 1 || !takers.iter().any(selfish));
        }
    }

    #[test]
    fn the_order_in_which_rules_come_does_not_matter((currency, rules, lines, coupons) in scene(), turn in 0_usize..9) {
        let expected = outcome(currency, &rules, &lines, &coupons);
        let mut turned = rules.clone();
        turned.rotate_left(turn % rules.len().max(1));
        prop_assert_eq!(&outcome(currency, &turned, &lines, &coupons), &expected);
        turned.reverse();
        prop_assert_eq!(&outcome(currency, &turned, &lines, &coupons), &expected);
        prop_assert_eq!(expected.considered.iter().filter(|one| one.coupon.is_some()).count(), coupons.len());
    }

    #[test]
    fn a_rule_reads_back_as_it_was_and_conforms_to_its_schema((currency, rules, ..) in scene()) {
        let schema = schema();
        for rule in rules {
            let json = rule.to_json();
            prop_assert!(conforms(&serde_json::from_str(&json).unwrap(), &schema, &schema), "{}", json);
            let again = Rule::read(&json, currency).unwrap();
            prop_assert_eq!(again.to_json(), json);
            prop_assert_eq!(again, rule);
        }
    }

    #[test]
    fn a_document_with_anything_anywhere_is_read_or_refused(
        field in 0_usize..10, condition in condition(CNY), effect in effect(CNY), text in "\\PC{0,20}", number in any::<i64>(),
    ) {
        let whole = document(&json!({}));
        let name = whole.as_object().unwrap().keys().nth(field).unwrap().clone();
        for value in [condition, effect.1, json!(text), json!(number), json!([text, number]), json!({ text: number })] {
            let json = document(&json!({ name.as_str(): value })).to_string();
            match Rule::read(&json, CNY) {
                Ok(rule) => prop_assert_eq!(Rule::read(&rule.to_json(), CNY).unwrap(), rule),
                Err(faults) => prop_assert!(!faults.is_empty()),
            }
        }
    }
}

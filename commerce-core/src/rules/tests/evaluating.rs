use super::*;
use crate::customer::Level;
use crate::money::{Money, MoneyError};

const RICE: BasketLine = BasketLine {
    sku_code: "R5",
    product_code: "rice",
    category: "grain",
    activity: None,
    qty: 2,
    amount: Money::from_minor(20_000, CNY),
    floor: Money::from_minor(15_000, CNY),
};
const TEA: BasketLine = BasketLine {
    sku_code: "T1",
    product_code: "tea",
    category: "leaf",
    activity: Some("seckill"),
    qty: 1,
    amount: Money::from_minor(10_000, CNY),
    floor: Money::zero(CNY),
};

fn basket<'a>(lines: &'a [BasketLine<'a>], coupons: &'a [PresentedCoupon<'a>]) -> Basket<'a> {
    Basket {
        lines,
        channel: "h5",
        level: Level::Gold,
        tags: &[],
        is_first_order: FirstOrder::No,
        coupons,
        currency: CNY,
        now: "2026-11-21T00:00:00Z".parse().unwrap(),
    }
}

/// What is said of rice for 200.00 (floor 150.00) and tea for 100.00, and what is taken off them.
fn check(rules: &[Rule], coupons: &[(&str, &str)], expected: &[&str]) {
    let coupons: Vec<_> = coupons.iter().map(|&(code, rule_id)| PresentedCoupon { code, rule_id }).collect();
    let outcome = evaluate(rules, &basket(&[RICE, TEA], &coupons)).unwrap();
    let mut said: Vec<String> = outcome.considered.iter().map(Considered::explain_en).collect();
    let freight = if outcome.freight == FreightRelief::Free { " free" } else { "" };
    said.push(format!("{} {}{freight}", outcome.per_line[0].amount(), outcome.per_line[1].amount()));
    assert_eq!(said, expected);
    assert!(outcome.considered.iter().all(|one| !one.explain_zh().is_ascii()));
}

fn scoped(rule_id: &str, scope: Value, priority: u32) -> Rule {
    rule(rule_id, json!({ "scope": scope, "priority": priority, "effect": {"reduce": "3.00"} }))
}

#[test]
fn the_narrower_scope_comes_first_then_priority_start_and_id() {
    let earlier = json!({"valid_from": "2026-10-01T00:00:00Z", "effect": {"reduce": "3.00"}});
    let rules = [
        scoped("all-b", json!({"level": "platform"}), 1),
        scoped("all-a", json!({"level": "platform"}), 1),
        rule("all-early", earlier),
        scoped("all-late", json!({"level": "platform"}), 0),
        scoped("gold", json!({"level": "user", "levels": ["gold"]}), 9),
        scoped("seckill", json!({"level": "activity", "activity": "seckill"}), 0),
        scoped("grain", json!({"level": "product", "categories": ["grain"]}), 0),
        scoped("tea", json!({"level": "product", "products": ["tea"], "skus": ["R9"]}), 7),
        scoped("vip", json!({"level": "user", "tags": ["vip"]}), 0),
    ];
    check(
        &rules,
        &[],
        &[
            "tea: takes off 3.00 CNY.",
            "grain: takes off 3.00 CNY.",
            "seckill: takes off 3.00 CNY.",
            "gold: takes off 3.00 CNY.",
            "vip: is meant for other goods or other buyers.",
            "all-a: takes off 3.00 CNY.",
            "all-b: takes off 3.00 CNY.",
            "all-early: takes off 3.00 CNY.",
            "all-late: takes off 3.00 CNY.",
            // Each share follows what the rules before left of the lines.
            "13.15 10.85",
        ],
    );
}

#[test]
fn what_may_not_be_combined_is_not() {
    let tea = |stackable| rule("tea", json!({"scope": {"level": "product", "skus": ["T1"]}, "stackable": stackable}));
    let all = |stackable| rule("all", json!({ "stackable": stackable }));
    let fired = ["tea: takes off 10.00 CNY.", "all: takes off 10.00 CNY."];
    check(&[tea(true), all(true)], &[], &[fired[0], fired[1], "6.90 13.10"]);
    // The closed line is no longer looked at.
    check(&[tea(false), all(true)], &[], &[fired[0], fired[1], "10.00 10.00"]);
    // What may not be combined keeps away from the line that is reduced already.
    check(&[tea(true), all(false)], &[], &[fired[0], fired[1], "10.00 10.00"]);
    let late = rule("late", json!({"type": "discount", "effect": {"percent_off": 1000}, "stackable": false}));
    let refused = "late: cannot be combined with all on these goods.";
    check(&[all(true), late.clone()], &[], &["all: takes off 10.00 CNY.", refused, "6.67 3.33"]);
    check(&[all(false), late], &[], &["all: takes off 10.00 CNY.", refused, "6.67 3.33"]);
    // A condition speaks of what is left to the rule: 200.00 of rice, not 290.00.
    let much = rule("much", json!({"condition": {"amount_at_least": "250.00"}}));
    let unmet =
        "much: asks for goods worth at least 250.00 CNY and finds goods worth 200.00 CNY (condition.amount_at_least).";
    check(&[tea(false), much], &[], &[fired[0], unmet, "0.00 10.00"]);
}

#[test]
fn every_effect_gives_what_it_says() {
    let gives = |effect: Value, said: &str, taken: &str| {
        let rules = [rule("one", json!({"type": "coupon", "effect": effect}))];
        check(&rules, &[("A", "one")], &[&format!("one (coupon A): {said}."), taken]);
    };
    let takes = |effect: Value, amount: &str, taken: &str| gives(effect, &format!("takes off {amount} CNY"), taken);
    let asks = |effect: Value, amount: &str, path: &str| {
        let said = format!("asks for goods worth at least {amount} CNY and finds goods worth 300.00 CNY ({path})");
        gives(effect, &said, "0.00 0.00");
    };
    let step = |from: &str, reduce: &str| json!({"from": from, "reduce": reduce});
    let steps = json!({"steps": [step("199.00", "20.00"), step("300.00", "50.00"), step("300.01", "60.00")]});
    takes(steps, "50.00", "33.33 16.67");
    asks(json!({"steps": [step("300.01", "60.00")]}), "300.01", "effect.steps[0].from");
    takes(json!({"every": "100.00", "reduce": "10.00"}), "30.00", "20.00 10.00");
    takes(json!({"every": "100.00", "reduce": "10.00", "at_most": "25.00"}), "25.00", "16.67 8.33");
    asks(json!({"every": "301.00", "reduce": "10.00"}), "301.00", "effect.every");
    takes(json!({"percent_off": 1500}), "45.00", "30.00 15.00");
    takes(json!({"percent_off": 1500, "at_most": "30.00"}), "30.00", "20.00 10.00");
    gives(json!({"free_shipping": true}), "the order ships free", "0.00 0.00 free");
    // Rice may give 50.00 and no more: the tea gives the rest, and what it cannot give is said.
    takes(json!({"reduce": "90.00"}), "90.00", "50.00 40.00");
    let all = || json!({"reduce": "160.00"});
    check(
        &[rule("one", json!({"effect": all()})), rule("two", json!({"effect": all()}))],
        &[],
        &[
            "one: takes off 150.00 CNY; the floor prices keep back 10.00 CNY.",
            "two: there is nothing left to take off.",
            "50.00 100.00",
        ],
    );
}

#[test]
fn coupons_count_once_each_and_only_if_presented() {
    let coupon =
        |stackable| rule("welcome", json!({"type": "coupon", "effect": {"reduce": "9.00"}, "stackable": stackable}));
    let freight = || rule("freight", json!({"type": "coupon", "effect": {"free_shipping": true}}));
    let (a, b) = ("welcome (coupon A): takes off 9.00 CNY.", "welcome (coupon B): takes off 9.00 CNY.");
    check(&[coupon(true)], &[], &["welcome: needs a coupon; present one.", "0.00 0.00"]);
    check(&[coupon(true)], &[("B", "welcome"), ("A", "welcome"), ("B", "welcome")], &[a, b, "12.00 6.00"]);
    let refused = "welcome (coupon B): cannot be combined with welcome on these goods.";
    check(&[coupon(false)], &[("A", "welcome"), ("B", "welcome")], &[a, refused, "6.00 3.00"]);
    // A cent falls on one line only; the other line is no second chance.
    let cent = rule("cent", json!({"type": "coupon", "effect": {"reduce": "0.01"}, "stackable": false}));
    let cents =
        ["cent (coupon A): takes off 0.01 CNY.", "cent (coupon B): cannot be combined with cent on these goods."];
    check(&[cent], &[("A", "cent"), ("B", "cent")], &[cents[0], cents[1], "0.01 0.00"]);
    let unknown = "gone (coupon X): there is no such coupon rule; check the coupon.";
    check(&[], &[("X", "gone")], &[unknown, "0.00 0.00"]);
    let plain = "plain (coupon X): there is no such coupon rule; check the coupon.";
    check(&[rule("plain", json!({}))], &[("X", "plain")], &["plain: takes off 10.00 CNY.", plain, "6.67 3.33"]);
    check(
        &[freight()],
        &[("A", "freight"), ("B", "freight")],
        &[
            "freight (coupon A): the order ships free.",
            "freight (coupon B): freight has made the freight free already.",
            "0.00 0.00 free",
        ],
    );
}

#[test]
fn rules_hold_within_their_time_and_on_their_condition() {
    let between = |from: &str, to: &str, said: &str, taken: &str| {
        check(&[rule("one", json!({"valid_from": from, "valid_to": to}))], &[], &[&format!("one: {said}."), taken]);
    };
    let (start, now, end) = ("2026-11-01T00:00:00Z", "2026-11-21T08:00:00+08:00", "2026-12-01T00:00:00Z");
    between(now, end, "takes off 10.00 CNY", "6.67 3.33");
    between(start, now, "ended at 2026-11-21T00:00:00Z; look for another offer", "0.00 0.00");
    between("2026-11-21T00:00:00.000001Z", end, "starts at 2026-11-21T00:00:00.000001Z; come back then", "0.00 0.00");

    let when = |condition: Value, said: &str| {
        check(&[rule("one", json!({ "condition": condition }))], &[], &[&format!("one: {said}."), "0.00 0.00"]);
    };
    when(
        json!({"all": [{"channel_in": ["h5"]}, {"pieces_at_least": 4}]}),
        "asks for at least 4 pieces and finds 3 pieces (condition.all[1].pieces_at_least)",
    );
    when(
        json!({"any": [{"level_in": ["silver", "diamond"]}, {"tag_in": ["vip"]}]}),
        "asks for level silver or diamond or tag vip and finds level gold, no tags (condition.any)",
    );
    when(
        json!({"not": {"all": [{"channel_in": ["app", "h5"]}, {"pieces_below": 4}]}}),
        "asks for not (channel app or h5 and fewer than 4 pieces) and finds channel h5, 3 pieces (condition.not)",
    );
    when(json!({"first_order": true}), "asks for a first order and finds a later order (condition.first_order)");
    when(
        json!({"amount_below": "300.00"}),
        "asks for goods worth less than 300.00 CNY and finds goods worth 300.00 CNY (condition.amount_below)",
    );

    let exact = json!([
        {"pieces_at_least": 3}, {"pieces_below": 4}, {"amount_at_least": "300.00"}, {"amount_below": "300.01"},
        {"channel_in": ["h5"]}, {"level_in": ["gold"]}, {"not": {"first_order": true}}
    ]);
    check(&[rule("one", json!({"condition": {"all": exact}}))], &[], &["one: takes off 10.00 CNY.", "6.67 3.33"]);
}

#[test]
fn both_languages_and_the_explanation_as_data() {
    let rules = [rule("one", json!({"effect": {"reduce": "160.00"}, "condition": {"amount_at_least": "299.00"}}))];
    let outcome = evaluate(&rules, &basket(&[RICE, TEA], &[])).unwrap();
    assert_eq!(outcome.considered[0].explain_zh(), "one：减 150.00 CNY，因底价限制少减 10.00 CNY。");
    let data = serde_json::to_value(&outcome.considered[0]).unwrap();
    assert_eq!((&data["verdict"], &data["amount"]["amount"]), (&json!("fired"), &json!("150.00")));
    let outcome = evaluate(&rules, &basket(&[TEA], &[])).unwrap();
    let said = "one：要求金额满 299.00 CNY，现为金额 100.00 CNY（condition.amount_at_least）。";
    assert_eq!(outcome.considered[0].explain_zh(), said);
}

#[test]
fn amounts_that_cannot_be_added_are_an_error() {
    let rules = [rule("one", json!({}))];
    let huge = BasketLine { amount: Money::from_minor(i64::MAX, CNY), ..TEA };
    assert_eq!(evaluate(&rules, &basket(&[huge.clone(), huge], &[])), Err(MoneyError::Overflow));
    let yen = Basket { currency: Currency::JPY, ..basket(&[], &[]) };
    let mismatch = MoneyError::CurrencyMismatch { left: CNY, right: Currency::JPY };
    assert_eq!(evaluate(&rules, &yen), Err(mismatch));
}

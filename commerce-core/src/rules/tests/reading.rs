use super::*;
use crate::error::Failure;

/// What is changed in a good document => how each fault begins that is found then.
const FAULTY: &str = r##"
{"rule_id": "Sale 1", "colour": 1} => colour: no such field here; use rule_id, | rule_id: not a rule id
{"title": {"zh": " x", "fr": "y"}} => title.fr: no such field | title.zh: not a text of 1 to 100 | title.en: missing
{"type": "gift"} => type: "gift" is none of full_reduction, discount, coupon, free_shipping
{"stackable": "yes", "priority": 1001} => stackable: "yes" is neither true nor false | priority: not between 0 and 1000
{"priority": 1.5, "title": []} => title: [] is not an object | priority: 1.5 is not a whole number
{"valid_to": null} => valid_to: a rule that never ends is refused
{"valid_to": "2026-11-01"} => valid_to: "2026-11-01" is not a time
{"valid_to": "2026-10-31T16:00:00Z"} => valid_to: not after valid_from
{"valid_to": "2031-11-03T00:00:00Z"} => valid_to: more than 5 years

{"scope": "all"} => scope: "all" is not an object
{"scope": {"level": "shop"}} => scope.level: "shop" is none of product, activity, user, platform
{"scope": {"level": "platform", "skus": ["a"]}} => scope.skus: no such field here; use level
{"scope": {"level": "product"}} => scope: names nothing; fill at least one of products, skus, categories
{"scope": {"level": "product", "skus": [], "tags": 1}} => scope.tags: no such field | scope.skus: an empty list
{"scope": {"level": "product", "skus": ["a", "a", 7]}} => scope.skus[2]: 7 is not a text | scope.skus[1]: given more than once
{"scope": {"level": "activity"}} => scope.activity: missing
{"scope": {"level": "user"}} => scope: names nothing; fill at least one of levels, tags
{"scope": {"level": "user", "levels": ["lead"], "tags": "vip"}} => scope.levels[0]: "lead" is none of regular, | scope.tags: "vip" is not a list

{"condition": {}} => condition: holds none or several of all, any, not
{"condition": {"first_order": true, "pieces_below": 5}} => condition: holds none or several
{"condition": {"not": {"first_order": false}}} => condition.not.first_order: can be nothing but true
{"condition": {"any": [{"amount_below": 300.5}, {"amount_below": "9.999"}]}} => condition.any[0].amount_below: 300.5 is not a text | condition.any[1].amount_below: 9.999 has more decimals
{"condition": {"all": [{"amount_at_least": "-1.00"}, {"any": []}]}} => condition.all[0].amount_at_least: not above zero | condition.all[1].any: can never hold
{"condition": {"not": {"all": []}}} => condition.not.all: can never hold
{"condition": {"pieces_below": 1}} => condition.pieces_below: not between 2
{"condition": {"channel_in": ["h5", ""]}} => condition.channel_in[1]: not a text of 1 to 64

{"effect": {"reduce": "0.00"}} => effect.reduce: not above zero
{"effect": {"reduce": "1e3"}} => effect.reduce: "1e3" is not an amount
{"effect": {"reduce": "5", "every": "9", "from": "1"}} => effect.from: no such field here; use every, reduce, at_most
{"effect": {"at_most": "5.00"}} => effect.at_most: no such field | effect: holds none or several
{"effect": {"every": "10.00", "reduce": "10.00"}} => effect.reduce: 10.00 CNY is as much as the 10.00 CNY
{"effect": {"every": "10.00", "reduce": "5.00", "at_most": "4.99"}} => effect.at_most: less than one reduction of 5.00 CNY
{"effect": {"steps": []}} => effect.steps: an empty list
{"effect": {"steps": [{"from": "9.00", "reduce": "9.00"}]}} => effect.steps[0].reduce: 9.00 CNY is as much
{"effect": {"steps": [{"from": "9.00", "reduce": "1.00"}, {"from": "9.00", "reduce": "2.00"}]}} => effect.steps[1]: not above the step before, from 9.00 CNY
{"effect": {"steps": [{"from": "9.00", "reduce": "1.00"}, {"from": "10.00", "reduce": "1.00"}]}} => effect.steps[1]: not above
{"effect": {"steps": [{"from": "9.00"}, 5]}} => effect.steps[0].reduce: missing | effect.steps[1]: 5 is not an object
{"type": "discount"} => effect: does not fit a rule of type discount; use percent_off
{"type": "discount", "effect": {"percent_off": 9001}} => effect.percent_off: not between 1 and 9000
{"type": "free_shipping"} => effect: does not fit a rule of type free_shipping; use free_shipping
{"type": "free_shipping", "effect": {"free_shipping": false}} => effect.free_shipping: can be nothing but true
{"effect": {"percent_off": 10}} => effect: does not fit a rule of type full_reduction; use reduce, steps, every
{"condition": {"any": [{"amount_at_least": "10.00"}, {"amount_at_least": "50.00"}]}} => effect.reduce: 10.00 CNY is as much as the 10.00 CNY
"##;

/// What has to hold beside each other => the later part that cannot, and the earlier one it cannot hold with.
const CONTRADICTORY: &str = r#"
{"amount_at_least": "300.00"}, {"amount_below": "200.00"} => all[1].amount_below, all[0].amount_at_least
{"amount_at_least": "300.00"}, {"amount_below": "300.01"} =>
{"pieces_below": 3}, {"all": [{"pieces_at_least": 3}]} => all[1].all[0].pieces_at_least, all[0].pieces_below
{"not": {"pieces_at_least": 3}}, {"not": {"pieces_below": 3}} => all[1].not.pieces_below, all[0].not.pieces_at_least
{"channel_in": ["h5"]}, {"channel_in": ["app", "pos"]} => all[1].channel_in, all[0].channel_in
{"level_in": ["gold"]}, {"not": {"level_in": ["gold", "silver"]}} => all[1].not.level_in, all[0].level_in
{"tag_in": ["vip"]}, {"tag_in": ["new"]} =>
{"first_order": true}, {"not": {"first_order": true}} => all[1].not.first_order, all[0].first_order
{"first_order": true}, {"any": [{"tag_in": ["vip"]}, {"not": {"first_order": true}}]} => all[1].any[1].not.first_order, all[0].first_order
{"not": {"any": [{"first_order": true}, {"tag_in": ["vip"]}]}}, {"tag_in": ["vip"]} => all[1].tag_in, all[0].not.any[1].tag_in
{"not": {"all": [{"first_order": true}, {"tag_in": ["vip"]}]}}, {"tag_in": ["vip"]} =>
"#;

fn cases(table: &str) -> impl Iterator<Item = (&str, &str)> {
    table.lines().filter(|line| !line.is_empty()).map(|line| line.split_once(" =>").unwrap())
}

fn faults(json: &str) -> Vec<String> {
    let faults = Rule::read(json, CNY).unwrap_err();
    assert!(faults.iter().all(|fault| fault.zh().starts_with(&fault.path) && !fault.zh().is_ascii()), "{faults:?}");
    faults.iter().map(ToString::to_string).collect()
}

#[test]
fn every_fault_is_found_at_its_place() {
    for (otherwise, expected) in cases(FAULTY) {
        let found = faults(&document(&serde_json::from_str(otherwise).unwrap()).to_string());
        let expected: Vec<&str> = expected.split('|').map(str::trim).collect();
        assert_eq!(found.len(), expected.len(), "{otherwise}: {found:#?}");
        assert!(
            found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected)),
            "{otherwise}: {found:#?}"
        );
    }
}

#[test]
fn what_is_no_document_or_too_much_of_one_is_refused() {
    assert!(faults("{\"rule_id\":\n \"a\",}")[0].starts_with("not JSON at line 2, column 6"));
    assert!(faults("{\"a\": 1, \"a\": 2}")[0].contains("\"a\" is given twice"));
    assert!(faults(&" ".repeat(70_000))[0].starts_with("the document is longer"));
    assert_eq!(faults("{}").len(), 10);
    let when = |condition: Value| faults(&document(&json!({ "condition": condition })).to_string());
    let deep = (0..8).fold(json!({"pieces_below": 2}), |inner, _| json!({ "not": inner }));
    assert_eq!(when(deep), ["condition.not.not.not.not.not.not.not.not: nested deeper than 8; flatten the condition"]);
    let many = json!({"any": vec![json!({"pieces_below": 2}); 70]});
    assert_eq!(when(many), ["condition.any[63]: more than 64 conditions; split the rule"]);
    let long: Vec<String> = (0..501).map(|i| format!("s{i}")).collect();
    let scope = json!({"scope": {"level": "product", "skus": long}});
    assert_eq!(faults(&document(&scope).to_string()), ["scope.skus: more than 500 items; split the rule"]);
    let yen = Rule::read(&document(&json!({})).to_string(), Currency::JPY).unwrap_err();
    assert_eq!(yen[0].to_string(), "effect.reduce: 10.00 has more decimals than JPY has; give at most 0 decimals");
    assert_eq!(yen[0].zh(), "effect.reduce: 10.00 的小数位超出 JPY 的精度，最多 0 位小数");
}

/// "1" is kept as "1.00": what is sent can be small enough when what is kept is not.
#[test]
fn what_would_be_kept_is_measured_too() {
    let steps: Vec<Value> =
        (1..=100).map(|i| json!({"from": format!("{}", i * 10), "reduce": i.to_string()})).collect();
    let codes = |count: usize| (0..count).map(|i| format!("{i:0>64}")).collect::<Vec<_>>();
    let sent = |products: usize| {
        let scope = json!({"level": "product", "skus": codes(500), "products": codes(products)});
        document(&json!({"scope": scope, "effect": {"steps": steps}})).to_string()
    };
    let fitting = (1..500).rfind(|products| sent(*products).len() <= 64 * 1024).unwrap();
    assert!(faults(&sent(fitting))[0].starts_with("the document is longer"));
    let rule = Rule::read(&sent(fitting - 20), CNY).unwrap();
    // What was kept once is read whatever its size.
    let stored = format!("{}{}", " ".repeat(70_000), rule.to_json());
    assert_eq!(Rule::read_stored(&stored, CNY), Ok(rule));
}

#[test]
fn what_cannot_hold_together_is_named() {
    for (conditions, expected) in cases(CONTRADICTORY) {
        let condition: Value = serde_json::from_str(&format!("{{\"all\": [{conditions}]}}")).unwrap();
        let expected = expected.split_once(',').map(|(path, other)| clash(path.trim(), other.trim()));
        assert_eq!(refusal(json!({ "condition": condition })), Vec::from_iter(expected), "{condition}");
    }
    let silver = |scope: Value| refusal(json!({"scope": scope, "condition": {"level_in": ["silver"]}}));
    let gold = silver(json!({"level": "user", "levels": ["gold"]}));
    assert_eq!(gold[0].problem, Problem::Contradicts { other: "scope.levels".to_owned() });
    assert_eq!(silver(json!({"level": "user", "levels": ["gold"], "tags": ["vip"]})), []);
    let steps = json!({"every": "200.00", "reduce": "9.00"});
    let never = refusal(json!({"effect": steps, "condition": {"amount_below": "200.00"}}));
    assert_eq!(never[0].problem, Problem::Contradicts { other: "effect.every".to_owned() });
}

fn refusal(otherwise: Value) -> Vec<RuleFault> {
    Rule::read(&document(&otherwise).to_string(), CNY).err().unwrap_or_default()
}

fn clash(path: &str, other: &str) -> RuleFault {
    let problem = Problem::Contradicts { other: format!("condition.{other}") };
    RuleFault { path: format!("condition.{path}"), problem }
}

#[test]
fn canonical_text_does_not_depend_on_how_it_was_written() {
    let scope = |skus: [&str; 2]| json!({"level": "product", "skus": skus});
    let one = rule(
        "one",
        json!({"scope": scope(["b", "a"]), "effect": {"reduce": "5"}, "valid_from": "2026-10-31T16:00:00Z"}),
    );
    let two = rule("one", json!({"scope": scope(["a", "b"]), "effect": {"reduce": "5.00"}}));
    assert_eq!(one, two);
    assert_eq!(
        one.to_json(),
        r#"{"rule_id":"one","title":{"zh":"one","en":"one"},"type":"full_reduction","scope":{"level":"product","skus":["a","b"]},"condition":{"all":[]},"effect":{"reduce":"5.00"},"stackable":true,"priority":0,"valid_from":"2026-10-31T16:00:00Z","valid_to":"2026-11-30T16:00:00Z"}"#
    );
}

#[test]
fn the_schema_refuses_what_has_another_shape() {
    let schema = schema();
    let shaped = |otherwise: Value| conforms(&document(&otherwise), &schema, &schema);
    assert!(shaped(json!({})));
    assert!(schema["properties"]["stackable"]["description"].as_str().is_some_and(|text| text.contains("combined")));
    let misshapen = ["colour", "priority", "condition", "scope", "effect", "valid_to"];
    assert!(misshapen.into_iter().all(|field| !shaped(json!({ field: {"shape": true} }))));
    assert!(!shaped(json!({"condition": {"all": [{"level_in": ["lead"]}]}})));
}

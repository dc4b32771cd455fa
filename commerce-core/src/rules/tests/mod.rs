//! A rule and a basket to vary, for the tests of reading, of evaluating, and of what holds for all rules.

mod evaluating;
mod properties;
mod reading;

use super::*;
use serde_json::{Value, json};

const CNY: Currency = Currency::CNY;

/// A rule that takes 10.00 off everything, but for what is said otherwise.
fn document(otherwise: &Value) -> Value {
    let mut document = json!({
        "rule_id": "sale", "title": {"zh": "促销", "en": "Sale"}, "type": "full_reduction",
        "scope": {"level": "platform"}, "condition": {"all": []}, "effect": {"reduce": "10.00"},
        "stackable": true, "priority": 0,
        "valid_from": "2026-11-01T00:00:00+08:00", "valid_to": "2026-12-01T00:00:00+08:00"
    });
    for (field, value) in otherwise.as_object().unwrap() {
        document[field] = value.clone();
    }
    document
}

fn rule(rule_id: &str, otherwise: Value) -> Rule {
    let mut document = document(&otherwise);
    document["rule_id"] = rule_id.into();
    document["title"] = json!({"zh": rule_id, "en": rule_id});
    Rule::read(&document.to_string(), CNY).unwrap()
}

/// Whether a value has the shape a schema asks for: as much of JSON Schema as [`schema`] uses.
fn conforms(value: &Value, schema: &Value, root: &Value) -> bool {
    let each = |key: &str| schema[key].as_array().into_iter().flatten();
    let matching = |key: &str| each(key).filter(|one| conforms(value, one, root)).count();
    let is_type = |name: &Value| match name.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("no schema says {other}"),
    };
    let known = &schema["properties"];
    let target = schema["$ref"].as_str().map(|target| root.pointer(target.trim_start_matches('#')).unwrap());
    target.is_none_or(|target| conforms(value, target, root))
        && (schema["type"].is_null() || is_type(&schema["type"]))
        && (schema["const"].is_null() || schema["const"] == *value)
        && (schema["enum"].is_null() || each("enum").any(|one| one == value))
        && (schema["oneOf"].is_null() || matching("oneOf") == 1)
        && (schema["anyOf"].is_null() || matching("anyOf") > 0)
        && schema["minItems"].as_u64().is_none_or(|least| value.as_array().unwrap().len() as u64 >= least)
        && each("required").all(|name| value.get(name.as_str().unwrap()).is_some())
        && value.as_array().into_iter().flatten().all(|item| conforms(item, &schema["items"], root))
        && value.as_object().into_iter().flatten().all(|(name, field)| match known.get(name) {
            Some(known) => conforms(field, known, root),
            None => schema["additionalProperties"] != Value::Bool(false),
        })
}

/// The schema is published for editors and models; `UPDATE_DOCS=1 make test` writes it.
#[test]
fn the_page_is_printed_from_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rule.schema.json");
    let printed = serde_json::to_string_pretty(&schema()).unwrap() + "\n";
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &printed).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), printed, "run UPDATE_DOCS=1 make test");
}

//! What would break clients: everything that the document promised before and does not any more. New operations, new optional
//! parts of requests and new parts of answers are no breach.

use serde_json::Value;
use std::collections::BTreeSet;

/// The breaches between two versions of the document, each with its place.
pub(crate) fn breaches(before: &Value, after: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (path, item) in members(&before["paths"]) {
        for (method, operation) in members(item) {
            let place = format!("{} {path}", method.to_uppercase());
            match after["paths"][path].get(method) {
                None => found.push(format!("{place} is gone")),
                Some(now) => Comparing { before, after, found: &mut found }.operation(&place, operation, now),
            }
        }
    }
    found
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn names(value: &Value) -> BTreeSet<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Which way a value travels decides what breaks.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    ToUs,
    ToClients,
}

struct Comparing<'a> {
    before: &'a Value,
    after: &'a Value,
    found: &'a mut Vec<String>,
}

/// How deep schemas are followed: some speak of themselves.
const DEEPEST: usize = 12;

impl Comparing<'_> {
    fn operation(&mut self, place: &str, was: &Value, is: &Value) {
        let key = |parameter: &Value| (parameter["in"].clone(), parameter["name"].clone());
        let none = Vec::new();
        let parameters = |operation: &Value| operation["parameters"].as_array().unwrap_or(&none).clone();
        let known: Vec<_> = parameters(was).iter().map(key).collect();
        for parameter in parameters(is).iter().filter(|parameter| parameter["required"] == true) {
            let was_required = parameters(was).iter().any(|one| key(one) == key(parameter) && one["required"] == true);
            if !was_required && (!known.contains(&key(parameter)) || parameter["in"] != "path") {
                self.found.push(format!("{place} needs the parameter {} now", parameter["name"]));
            }
        }
        if was.get("requestBody").is_none() && is["requestBody"]["required"] == true {
            self.found.push(format!("{place} needs a body now"));
        }
        for (media, content) in members(&was["requestBody"]["content"]) {
            let now = &is["requestBody"]["content"][media];
            self.schema(&format!("{place} request"), &content["schema"], &now["schema"], Way::ToUs, 0);
        }
        for (status, response) in members(&was["responses"]).filter(|(status, _)| status.starts_with('2')) {
            let Some(now) = is["responses"].get(status) else {
                self.found.push(format!("{place} answers {status} no more"));
                continue;
            };
            for (media, content) in members(&response["content"]) {
                let now = &now["content"][media]["schema"];
                self.schema(&format!("{place} {status}"), &content["schema"], now, Way::ToClients, 0);
            }
        }
    }

    fn schema(&mut self, place: &str, was: &Value, is: &Value, way: Way, depth: usize) {
        let (was, is) = (resolved(self.before, was).clone(), resolved(self.after, is).clone());
        if depth > DEEPEST || was.is_null() {
            return;
        }
        let (types_were, types_are) = (types(&was), types(&is));
        // Clients may be told less than before, and may send more.
        let fits = match way {
            Way::ToUs => types_were.is_subset(&types_are),
            Way::ToClients => types_are.is_subset(&types_were),
        };
        if !fits {
            self.found.push(format!("{place} was {types_were:?} and is {types_are:?}"));
            return;
        }
        let (required_were, required_are) = (names(&was["required"]), names(&is["required"]));
        match way {
            Way::ToUs => {
                for new in required_are.difference(&required_were) {
                    self.found.push(format!("{place}.{new} is needed now"));
                }
            }
            Way::ToClients => {
                for gone in required_were.difference(&required_are) {
                    self.found.push(format!("{place}.{gone} may be missing now"));
                }
            }
        }
        for (name, property) in members(&was["properties"]) {
            match is["properties"].get(name) {
                None => self.found.push(format!("{place}.{name} is gone")),
                Some(now) => self.schema(&format!("{place}.{name}"), property, now, way, depth + 1),
            }
        }
        if was.get("items").is_some() {
            self.schema(&format!("{place}[]"), &was["items"], &is["items"], way, depth + 1);
        }
        if way == Way::ToUs {
            for gone in names(&was["enum"]).difference(&names(&is["enum"])) {
                self.found.push(format!("{place} takes {gone:?} no more"));
            }
        }
    }
}

fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let target = schema["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
    target.and_then(|target| document.pointer(target)).unwrap_or(schema)
}

fn types(schema: &Value) -> BTreeSet<String> {
    match &schema["type"] {
        Value::String(one) => BTreeSet::from([one.clone()]),
        Value::Array(several) => several.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::document;
    use serde_json::{Map, json};

    /// The document with something in it changed.
    fn changed(change: impl FnOnce(&mut Map<String, Value>)) -> Vec<String> {
        let mut after = document().clone();
        change(after.as_object_mut().unwrap());
        breaches(document(), &after)
    }

    #[test]
    fn what_is_new_breaks_nothing() {
        assert_eq!(changed(|_| {}), Vec::<String>::new());
        let found = changed(|document| {
            document["paths"]["/api/v1/news"] = json!({ "get": {} });
            document["components"]["schemas"]["Order"]["properties"]["colour"] = json!({ "type": "string" });
            document["components"]["schemas"]["RefundRequest"]["properties"]["why"] = json!({ "type": "string" });
        });
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn what_is_gone_or_needed_breaks_clients() {
        let schema = |document: &mut Map<String, Value>, name: &str| document["components"]["schemas"][name].take();
        let one =
            |found: Vec<String>, word: &str| assert!(found.iter().any(|one| one.contains(word)), "{word}: {found:?}");
        one(
            changed(|document| drop(document["paths"]["/api/v1/orders"].as_object_mut().unwrap().remove("get"))),
            "GET /api/v1/orders is gone",
        );
        one(
            changed(|document| {
                let mut order = schema(document, "Order");
                order["properties"].as_object_mut().unwrap().remove("order_no");
                document["components"]["schemas"]["Order"] = order;
            }),
            ".order_no is gone",
        );
        one(
            changed(|document| {
                let mut refund = schema(document, "RefundRequest");
                refund["required"].as_array_mut().unwrap().push(json!("why"));
                document["components"]["schemas"]["RefundRequest"] = refund;
            }),
            "request.why is needed now",
        );
        one(
            changed(|document| {
                let mut item = schema(document, "Item");
                item["properties"]["qty"]["type"] = json!("string");
                document["components"]["schemas"]["Item"] = item;
            }),
            ".qty was",
        );
    }
}

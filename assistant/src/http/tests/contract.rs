//! The contract: what is published is what is served, and it is complete.

use super::*;
use std::collections::BTreeSet;
use std::path::Path;

const PUBLISHED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

#[test]
fn the_published_document_is_the_served_one() {
    let served = serde_json::to_string_pretty(document()).unwrap() + "\n";
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(Path::new(PUBLISHED), &served).unwrap();
    }
    let published = std::fs::read_to_string(PUBLISHED).unwrap_or_default();
    assert!(
        published == served,
        "docs/openapi.json is not what the service says: run `make docs` and look at the difference"
    );
}

#[test]
fn every_operation_says_what_it_is() {
    let mut ids = BTreeSet::new();
    let tags: BTreeSet<&str> =
        document()["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    for (method, path, operation) in all_operations() {
        let at = format!("{method} {path}");
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{at}: {id} is the name of two operations");
        assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{at} has no summary");
        assert!(tags.contains(operation["tags"][0].as_str().unwrap()), "{at} is in no group");
        assert!(operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2')), "{at}");
    }
    assert!(ids.len() > 100, "{}", ids.len());
}

#[test]
fn every_place_in_an_address_is_described() {
    for (method, path, operation) in all_operations() {
        for parameter in operation["parameters"].as_array().unwrap().iter().filter(|one| one["in"] == "path") {
            assert_ne!(parameter["description"], "", "{method} {path}: {parameter}");
        }
    }
}

/// Money does not move twice because an answer got lost.
#[test]
fn whatever_creates_or_moves_money_asks_for_a_key() {
    let moves_money = [
        "place_order",
        "pay_order",
        "take_at_counter",
        "issue_gift_card",
        "refund_order",
        "retry_refunds",
        "decide_refunds",
        "cancel_order",
        "swap_variant",
        "change_order_address",
        "apply_after_sale",
        "decide_case",
        "receive_returned",
        "compensate",
        "transfer_by_hand",
    ];
    for (method, path, operation) in all_operations() {
        let asks = operation["parameters"].as_array().unwrap().iter().any(|one| one["name"] == "X-Idempotency-Key");
        let moves = moves_money.contains(&operation["operationId"].as_str().unwrap());
        assert_eq!(asks, moves, "{method} {path}");
    }
}

#[tokio::test]
async fn the_page_needs_nothing_from_outside() {
    let house = House::open().await;
    let (status, page) = house.ask(As::Nobody, Method::GET, "/docs/index.html", &Sent::Nothing).await;
    assert_eq!(status, StatusCode::OK);
    let page = page.as_str().unwrap();
    assert!(page.contains("swagger-ui") && !page.contains("https://"), "{page}");
    let (status, document) = house.ask(As::Nobody, Method::GET, "/openapi.json", &Sent::Nothing).await;
    assert_eq!((status, &document), (StatusCode::OK, super::document()));
}

//! Strangers: the owner of another shop, another shopper, and nobody at all repeat every request of the story, id for id. They
//! read nothing, they change nothing, and they do not learn that it is there.

use super::*;
use commerce_core::import::{Format, Privacy, Sheet};
use commerce_core::store::AccountSearch;
use serde_json::json;
use strum::IntoEnumIterator;

/// What everybody may read, in any shop.
const PUBLIC: [&str; 6] =
    ["list_categories", "list_products", "get_product", "list_activities", "get_shop", "take_notification"];

/// Everything the shop keeps that a stranger could have changed.
async fn state(house: &House) -> String {
    let staff = Caller::staff(house.tenant("demo").await);
    let mut kept = String::new();
    for sheet in Sheet::iter() {
        kept += &house.shop.export(&staff, sheet, Format::Jsonl, Privacy::Full).await.unwrap();
    }
    let books = house.shop.balances(&staff, &AccountSearch::default(), None).await.unwrap();
    let events = house.shop.audit(&staff, &Default::default(), 1_000).await.unwrap();
    kept + &format!("{books:?}{events:?}")
}

/// Ids that the story told, of which a stranger's answer must hold none.
fn ids_in(text: &str) -> Vec<String> {
    let is_id = |word: &&str| word.len() > 32 && word.as_bytes().get(3) == Some(&b'_');
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).filter(is_id).map(str::to_owned).collect()
}

#[tokio::test]
async fn strangers_read_nothing_change_nothing_and_learn_nothing() {
    let told = story::tell().await;
    let house = &told.house;
    let other_owner = house.owner("other").await;
    let proof = json!({ "by": "platform", "platform": "wechat", "code": "stranger" });
    let (_, stranger) = house.ask(As::Nobody, Method::POST, "/api/v1/shopper-sessions", &Sent::Json(proof)).await;
    let shopper = stranger["token"].as_str().unwrap().to_owned();
    let mine = stranger["customer"]["id"].as_str().unwrap();
    let said = told.said.lock().unwrap().clone();
    let baseline = state(house).await;
    for (id, said) in said.iter().filter(|(id, _)| !PUBLIC.contains(&id.as_str())) {
        // Whoever signs in proves who they are; whoever signs out ends their own session.
        if said.path.contains("sessions") {
            continue;
        }
        for (name, who) in [
            ("another owner", As::Token(&other_owner)),
            ("another shopper", As::Token(&shopper)),
            ("nobody", As::Nobody),
        ] {
            let (status, answer) = house.ask(who, said.method.clone(), &said.path, &said.body).await;
            let at = format!("{name}: {} {} ({id}): {status} {answer}", said.method, said.path);
            assert!(!status.is_server_error(), "{at}");
            let is_about_one = said.path.split(['/', '?', '=']).any(|part| !ids_in(part).is_empty());
            if matches!(who, As::Nobody) {
                assert_eq!(status, StatusCode::UNAUTHORIZED, "{at}");
            } else if is_about_one && said.method != Method::GET {
                assert!(!status.is_success(), "{at}");
            }
            let sent = match &said.body {
                Sent::Json(body) => body.to_string(),
                Sent::Text(_) | Sent::Nothing => String::new(),
            } + &said.path;
            let learned: Vec<String> = ids_in(&answer.to_string())
                .into_iter()
                .filter(|found| baseline.contains(found.as_str()) && !sent.contains(found.as_str()) && found != mine)
                .collect();
            assert!(learned.is_empty(), "{at}\nlearned {learned:?}");
        }
    }
    let now = state(house).await;
    let news: Vec<&str> = now.split("Event {").filter(|event| !baseline.contains(event)).collect();
    let foreign: Vec<&&str> = news.iter().filter(|event| !event.contains(mine)).collect();
    assert!(foreign.is_empty(), "strangers changed something: {foreign:?}");
}

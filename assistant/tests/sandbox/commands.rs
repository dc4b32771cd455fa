//! The whole way by commands: an order is paid, given back in part, reconciled, sealed and verified.

use crate::http::{get, misbehave, post, press};
use crate::stall::{PATIENCE, Running, Stall, address_in, all_of, complaint, first_line, sandbox};
use serde_json::{Value, json};
use sqlx::Connection;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// The steps that a journal holds of one kind.
fn steps(journal: &Path, did: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(journal).unwrap();
    let steps = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    steps.filter(|step| step["did"] == did).collect()
}

/// Pays an order on its page while a shop waits for it; what the shop prints at the end.
async fn pay_on_the_page(stall: &Stall, order_no: &str) -> Value {
    let mut waiting = stall.command(&["pay", order_no, "--wait", "--json"]);
    let mut waiting = Running(waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap());
    let page = address_in(&first_line(waiting.0.stderr.take().unwrap()));
    assert!(get(&page).await.1.contains(order_no));
    assert_eq!(press(&page).await.0, 200);
    let printed = all_of(waiting.0.stdout.take().unwrap());
    assert!(waiting.0.wait().unwrap().success(), "{printed}");
    serde_json::from_str(&printed).unwrap()
}

/// The day of the journal's first payment, as statements name it.
fn day_of(journal: &Path) -> String {
    steps(journal, "pay")[0]["at"].as_str().unwrap()[..10].replace('-', "")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_paid_given_back_reconciled_and_proved() {
    let mut stall = Stall::open().await;
    let journal = stall.dir.path().join("journal.jsonl");
    let arguments = ["--journal", "journal.jsonl"];
    let (running, url) = sandbox(stall.dir.path(), &arguments);
    stall.sandbox_url = url;
    misbehave(&stall.sandbox_url, "notify", &["duplicate"]).await;
    let order_no = stall.order("key-00000001", 10).await;
    let paid = pay_on_the_page(&stall, &order_no).await;
    assert_eq!((paid["state"].as_str(), paid["status"].as_str()), (Some("PAID"), Some("paid")));
    assert_eq!((&paid["paid"]["amount"], &paid["payments"][0]["fee"]["amount"]), (&"100.00".into(), &"0.60".into()));
    // The shop was told, not asked; the sandbox writes that down in its own time.
    let deadline = Instant::now() + PATIENCE;
    while steps(&journal, "told").is_empty() {
        assert!(Instant::now() < deadline, "nobody was told");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    stall.run(&["refund", &order_no, "30.00", "--reason", "少发一件"]);
    assert_eq!(stall.json(&["chase"])["refunds"], 1);
    let given_back = stall.json(&["payments", &order_no]);
    assert_eq!(
        (&given_back["refunds"][0]["state"], &given_back["status"]),
        (&"REFUNDED".into(), &"partially_refunded".into())
    );
    let day = day_of(&journal);
    let reconciled = stall.json(&["reconcile", "--day", &day]);
    assert_eq!((&reconciled["matched"], &reconciled["differences"]), (&2.into(), &0.into()));

    // It dies, with half a line written, and comes back with its books.
    drop(running);
    let before = std::fs::read(&journal).unwrap();
    std::fs::write(&journal, [before.as_slice(), b"{\"at\":\"2026-"].concat()).unwrap();
    let (_running, url) = sandbox(stall.dir.path(), &arguments);
    stall.sandbox_url = url;
    assert_eq!(std::fs::read(&journal).unwrap(), before);
    let again = stall.json(&["reconcile", "--day", &day]);
    assert_eq!((&again["matched"], &again["new_rows"]), (&2.into(), &0.into()));

    verify(&stall).await;
}

async fn verify(stall: &Stall) {
    let sealed = stall.json(&["seal"]);
    let public_key = sealed["public_key"].as_str().unwrap();
    let key_file = stall.dir.path().join("zhanggui.seal-key");
    assert!(!std::fs::read_to_string(&key_file).unwrap().contains(public_key), "the secret is not the public key");
    assert_eq!(stall.json(&["verify"])["key_is_trusted"], true);
    assert_eq!(stall.json(&["verify", "--public-key", public_key])["unsealed"], 0);
    assert!(stall.complaint(&["verify", "--public-key", &"0".repeat(64)]).contains("key-is-trusted"));
    let movements = stall.json(&["ledger", "statement", "merchant"]);
    assert_eq!(movements["closing"]["amount"], "70.00");
    let transfer = movements["entries"][0]["transfer"].as_str().unwrap();
    assert_eq!(stall.json(&["ledger", "prove", transfer])["entry"], transfer);
    let note = std::fs::read_dir(stall.dir.path()).unwrap().map(|file| file.unwrap().path());
    let note = note.into_iter().find(|file| file.extension().is_some_and(|end| end == "last")).unwrap();
    assert_eq!(stall.json(&["verify"])["last_seal_is_known"], true);
    let noted = std::fs::read_to_string(&note).unwrap();
    std::fs::write(&note, noted.replace(' ', "9 ")).unwrap();
    assert!(stall.complaint(&["verify"]).contains("seals-stay"));
    assert!(stall.complaint(&["seal"]).contains("BOOKS_DISAGREE"));
    std::fs::remove_file(note).unwrap();
    assert!(stall.run(&["verify"]).contains("No last seal is noted"));
    std::fs::remove_file(key_file).unwrap();
    assert!(stall.run(&["verify"]).contains("No key was given"));

    let mut books = sqlx::SqliteConnection::connect(&stall.database()).await.unwrap();
    sqlx::query("drop trigger ledger_transfer_no_update").execute(&mut books).await.unwrap();
    let tampering = sqlx::query("update ledger_transfer set amount = amount - 1 where id = $1").bind(transfer);
    assert_eq!(tampering.execute(&mut books).await.unwrap().rows_affected(), 1);
    let found = stall.complaint(&["verify", "--json"]);
    assert!(found.contains("BOOKS_DISAGREE") && found.contains(transfer), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_got_lost_costs_nobody_anything() {
    let mut stall = Stall::open().await;
    let order_no = stall.order("key-00000001", 10).await;
    let nobody = stall.command(&["pay", &order_no]).env("ZHANGGUI_SANDBOX_URL", "http://127.0.0.1:9").output().unwrap();
    assert!(complaint(&nobody).contains("PAYMENT_CHANNEL_UNAVAILABLE"));
    let faults = ["--fault", "create=timeout_after_success", "--journal", "journal.jsonl"];
    let (_running, url) = sandbox(stall.dir.path(), &faults);
    stall.sandbox_url = url;
    let hurried = stall.command(&["pay", &order_no]).env("ZHANGGUI_SANDBOX_TIMEOUT_MS", "300").output().unwrap();
    assert!(complaint(&hurried).contains("nothing was charged twice"));
    let paying = stall.json(&["pay", &order_no]);
    assert_eq!((&paying["status"], &paying["payments"][0]["state"]), (&"paying".into(), &"PAYING".into()));
    let created = steps(&stall.dir.path().join("journal.jsonl"), "create");
    assert_eq!((created.len(), paying["payments"].as_array().unwrap().len()), (1, 1));
    assert_eq!(created[0]["trade_no"], paying["payments"][0]["id"]);

    let other = stall.order("key-00000002", 10).await;
    let wrong = stall.command(&["pay", &other]).env("ZHANGGUI_SANDBOX_SECRET", "wrong").output().unwrap();
    assert!(complaint(&wrong).contains("signature"));
}

#[tokio::test(flavor = "multi_thread")]
async fn cards_cash_and_coupons_need_no_channel() {
    let stall = Stall::open().await;
    let card = stall.json(&["gift-card", "issue", "100", "--promotion"]);
    let code = card["code"].as_str().unwrap();
    let by_card = stall.order("key-00000001", 10).await;
    assert_eq!(stall.json(&["pay", &by_card, "--gift-card", code])["state"], "PAID");
    assert_eq!(stall.json(&["gift-card", "balance", code])["worth"]["amount"], "0.00");
    let in_cash = stall.order("key-00000002", 10).await;
    assert_eq!(stall.json(&["pay", &in_cash, "--at-counter"])["payments"][0]["method"], "counter");
    assert_eq!(stall.json(&["cancel", &in_cash, "--reason", "不想要了"])["status"], "refunded");
    assert!(stall.complaint(&["pay", &in_cash]).contains("NOTHING_TO_PAY"));
    let stocks = stall.json(&["ledger", "balance", "--account", "merchant"]);
    assert_eq!(stocks[0]["balance"]["amount"], "100.00");

    let rule = r#"{
        "rule_id": "tea-friend", "title": {"zh": "茶友券", "en": "Tea friend"}, "type": "coupon",
        "scope": {"level": "platform"}, "condition": {"amount_at_least": "50.00"}, "effect": {"reduce": "5.00"},
        "stackable": false, "priority": 10,
        "valid_from": "2026-01-01T00:00:00+08:00", "valid_to": "2030-01-01T00:00:00+08:00"
    }"#;
    std::fs::write(stall.dir.path().join("rule.json"), rule).unwrap();
    std::fs::write(stall.dir.path().join("bad.json"), rule.replace("5.00", "500.00")).unwrap();
    assert!(stall.complaint(&["rule", "check", "bad.json"]).contains("effect.reduce"));
    assert!(stall.run(&["rule", "check", "rule.json"]).contains("no fault"));
    assert_eq!(stall.json(&["rule", "publish", "rule.json"])[0]["version"], 1);
    assert_eq!(stall.json(&["coupon", "grant", "tea-friend", "C1"])[0]["rule_id"], "tea-friend");
    assert_eq!(stall.json(&["coupon", "print", "tea-friend", "3"]).as_array().unwrap().len(), 3);
    assert!(stall.complaint(&["coupon", "grant", "tea-friend", "C9"]).contains("C9"));
    assert_eq!(stall.json(&["rule", "rollback", "tea-friend"])[0]["state"], "WITHDRAWN");
    assert_eq!(stall.json(&["rule", "history", "tea-friend"]).as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_difference_is_found_assigned_and_settled() {
    let mut stall = Stall::open().await;
    let journal = stall.dir.path().join("journal.jsonl");
    // The shop agreed on another fee than the sandbox takes.
    let (_running, url) = sandbox(stall.dir.path(), &["--fee-bp", "100", "--journal", "journal.jsonl"]);
    stall.sandbox_url = url;
    let order_no = stall.order("key-00000001", 10).await;
    pay_on_the_page(&stall, &order_no).await;
    let reconciled = stall.json(&["reconcile", "--day", &day_of(&journal)]);
    assert_eq!(reconciled["opened"], 1);
    let open = stall.json(&["differences", "--open"]);
    assert_eq!((&open[0]["reason"], &open[0]["actual_amount"]["amount"]), (&"FEE".into(), &"1.00".into()));
    let id = open[0]["id"].as_str().unwrap();
    assert_eq!(stall.json(&["difference", "assign", id, "小李"])[0]["assigned_to"], "小李");
    let settled = stall.json(&["difference", "resolve", id, "book-theirs", "--note", "按合同补记"]);
    assert_eq!(settled[0]["status"], "RESOLVED");
    assert_eq!(stall.json(&["differences", "--open"]), Value::Array(Vec::new()));
    assert_eq!(stall.json(&["ledger", "balance", "--account", "fees"])[0]["balance"]["amount"], "1.00");
    assert!(stall.complaint(&["difference", "assign", id, "小王"]).contains("UNKNOWN_DIFFERENCE"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispute_is_heard_of_answered_and_decided() {
    let mut stall = Stall::open().await;
    let (_running, url) = sandbox(stall.dir.path(), &["--journal", "journal.jsonl"]);
    stall.sandbox_url = url.clone();
    let order_no = stall.order("key-00000001", 10).await;
    let paid = pay_on_the_page(&stall, &order_no).await;
    let trade_no = paid["payments"][0]["id"].as_str().unwrap();
    // Nobody of the shop listens when the buyer goes to the bank.
    let claim = json!({ "trade_no": trade_no, "amount": "40.00", "reason": "货没收到" });
    let (status, opened) = post(&format!("{url}/disputes"), &claim).await;
    assert_eq!((status, opened["state"].as_str()), (200, Some("OPEN")), "{opened}");
    let too_much = json!({ "trade_no": trade_no, "amount": "60.01" });
    assert_eq!(post(&format!("{url}/disputes"), &too_much).await.0, 409);
    stall.run(&["chase"]);
    let dispute = &stall.json(&["disputes"])[0];
    assert_eq!((&dispute["state"], &dispute["amount"]["amount"]), (&"OPEN".into(), &"40.00".into()));
    let id = dispute["id"].as_str().unwrap();
    assert_eq!(stall.json(&["payments", &order_no])["paid"]["amount"], "60.00");
    let said = stall.json(&["dispute", "contest", id, "--note", "门卫签收"]);
    assert_eq!(said[0]["state"], "ANSWERING");
    assert!(stall.complaint(&["dispute", "accept", id]).contains("UNKNOWN_DISPUTE"));
    assert_eq!(stall.json(&["chase"])["disputes"], 1);
    assert_eq!(stall.json(&["disputes"])[0]["state"], "UNDER_REVIEW");
    let answers = steps(&stall.dir.path().join("journal.jsonl"), "answer");
    let evidence: Value = serde_json::from_str(answers[0]["evidence"].as_str().unwrap()).unwrap();
    assert_eq!((&evidence["note"], &evidence["lines"][0]["sku"]), (&"门卫签收".into(), &"TEA".into()));
    let decision = format!("{url}/disputes/{}/decision", opened["dispute_no"].as_str().unwrap());
    assert_eq!(post(&decision, &json!({ "verdict": "merchant_wins" })).await.1["state"], "MERCHANT_WON");
    assert!(get(&url).await.1.contains("MERCHANT_WON"));
    stall.run(&["chase"]);
    assert_eq!(stall.json(&["disputes"]), Value::Array(Vec::new()));
    assert_eq!(stall.json(&["payments", &order_no])["paid"]["amount"], "100.00");
    stall.run(&["verify"]);
    // A buyer who names no amount wants what is left.
    post(&format!("{url}/disputes"), &claim).await;
    let rest = post(&format!("{url}/disputes"), &json!({ "trade_no": trade_no })).await.1;
    assert_eq!(rest["amount"]["amount"], "60.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn much_money_goes_back_only_when_two_people_agree() {
    let stall = Stall::open().await;
    stall.set_refund_check_over(5_000).await;
    let order_no = stall.order("key-00000001", 10).await;
    stall.run(&["pay", &order_no, "--at-counter"]);
    let asked = stall.json(&["refund", &order_no, "60.00", "--reason", "受潮", "--by", "li"]);
    let refund = &asked["refunds"][0];
    assert_eq!((&refund["state"], &refund["asked_by"]), (&"REFUND_REQUESTED".into(), &"li".into()));
    assert!(stall.complaint(&["refund", &order_no, "--approve", "--by", "li"]).contains("NEEDS_A_SECOND_PERSON"));
    let agreed = stall.json(&["refund", &order_no, "--approve", "--by", "wang"]);
    assert_eq!((&agreed["refunds"][0]["state"], &agreed["paid"]["amount"]), (&"REFUNDED".into(), &"40.00".into()));
    stall.run(&["refund", &order_no, "40.00", "--reason", "受潮", "--by", "li"]);
    let refused = stall.json(&["refund", &order_no, "--reject", "没有照片", "--by", "wang"]);
    assert_eq!((&refused["refunds"][1]["failure"], &refused["paid"]["amount"]), (&"没有照片".into(), &"40.00".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_one_file_of_its_owner_that_nothing_replaces() {
    let stall = Stall::open().await;
    stall.order("key-00000001", 2).await;
    let made = stall.json(&["backup", "--to", "today.zhanggui"]);
    assert_eq!((&made["shops"], &made["rows"]["orders"]), (&1.into(), &1.into()));
    assert_eq!(stall.json(&["backup", "--check", "today.zhanggui"]), made);
    let file = stall.dir.path().join("today.zhanggui");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(stall.complaint(&["backup", "--to", "today.zhanggui"]).contains("is there already"));

    let books = stall.run(&["restore", "--from", "today.zhanggui", "--db", "sqlite:copy.db"]);
    assert!(books.contains("The books agree"), "{books}");
    assert_eq!(stall.run(&["orders", "--db", "sqlite:copy.db"]), stall.run(&["orders"]));
    let twice = stall.complaint(&["restore", "--from", "today.zhanggui", "--db", "sqlite:copy.db"]);
    assert!(twice.contains("9013 DATABASE_IN_USE"), "{twice}");

    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(stall.dir.path().join("altered"), &bytes).unwrap();
    std::fs::write(stall.dir.path().join("cut"), &bytes[..middle]).unwrap();
    for damaged in ["altered", "cut"] {
        let refused = stall.complaint(&["restore", "--from", damaged, "--db", "sqlite:none.db"]);
        assert!(refused.contains("9010 BACKUP_DAMAGED"), "{refused}");
    }
    let names: Vec<_> = std::fs::read_dir(stall.dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    let is_left_over = |name: &str| name.ends_with(".part") || name == "none.db";
    assert!(!names.iter().any(|name| is_left_over(&name.to_string_lossy())), "{names:?}");
}

use crate::open::Demo;
use std::process::Command;

fn bash(script: &str) -> String {
    let done = Command::new("bash").args(["-c", script]).output().unwrap();
    String::from_utf8(done.stdout).unwrap() + &String::from_utf8(done.stderr).unwrap()
}

#[test]
fn a_newcomer_buys_something_by_the_lines_that_are_printed() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::open(dir.path());
    let seen = bash(&demo.first_steps());
    for wanted in ["蜂蜜", "zgc_", "ord_", "paid at http://", r#""state":"PAID""#] {
        assert!(seen.contains(wanted), "{wanted} is missing:\n{seen}\n{}", demo.said);
    }
    let admin = demo.address("health").replace("/healthz", "");
    assert_eq!(bash(&format!("curl -s {admin}/healthz {admin}/readyz")), "ok\nready\n");
    let figures = bash(&format!("curl -s {admin}/metrics"));
    for wanted in [
        r#"zhanggui_http_requests_total{operation="POST /api/v1/orders",status="201"} 1"#,
        r#"zhanggui_orders{shop="demo",state="PAID"}"#,
        r#"zhanggui_job_runs_total{task="chase",outcome="done"}"#,
    ] {
        assert!(figures.contains(wanted), "{wanted} is missing:\n{figures}");
    }
    let docs = bash(&format!("curl -s -o /dev/null -w '%{{http_code}}' {}/", demo.address("docs")));
    assert_eq!(docs, "200");
    assert!(demo.close(), "it ends well when it is asked to");
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let dir = tempfile::tempdir().unwrap();
    let demo = Demo::open(dir.path());
    let seen = bash(&demo.first_steps());
    let order = seen.lines().find(|line| line.starts_with("ord_")).unwrap_or_else(|| panic!("{seen}")).to_owned();
    demo.kill();
    let demo = Demo::open(dir.path());
    let shop = demo.address("shop");
    let script = format!(
        "T=$(curl -s {shop}/shopper-sessions -H 'content-type: application/json' -d '{{\"by\":\"demo\",\"customer\":\"C0001\"}}' | grep -o 'zgc_[A-Z0-9]*')
         curl -s {shop}/orders/{order} -H \"authorization: Bearer $T\""
    );
    let seen = bash(&script);
    assert!(seen.contains(r#""state":"PAID""#), "{seen}");
}

//! Holds the files under `deploy/` to the program: figures, alerts and settings that do not exist help nobody.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use toml::Table;

fn read(file: &str) -> String {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    std::fs::read_to_string(repository.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
}

/// The metrics a text names.
fn metrics(text: &str) -> BTreeSet<&str> {
    words(text).filter(|word| word.starts_with("zhanggui_")).map(of_histogram).collect()
}

/// Prometheus makes several series of one histogram.
fn of_histogram(series: &str) -> &str {
    ["_bucket", "_sum", "_count"].into_iter().find_map(|end| series.strip_suffix(end)).unwrap_or(series)
}

#[test]
fn what_is_counted_is_shown_and_what_is_shown_is_counted() {
    let (counted, shown, watched) =
        (read("assistant/src/http/metrics.rs"), read("deploy/grafana-dashboard.json"), read("deploy/alerts.yaml"));
    let (counted, shown, watched) = (metrics(&counted), metrics(&shown), metrics(&watched));
    assert!(!counted.is_empty() && !watched.is_empty(), "this looks in the wrong place");
    assert_eq!(shown, counted, "the dashboard and assistant/src/http/metrics.rs");
    let unknown: Vec<_> = watched.difference(&counted).collect();
    assert!(unknown.is_empty(), "alerts on what nobody counts: {unknown:?}");
}

#[test]
fn the_dashboard_asks_something_in_every_panel() {
    let dashboard: Value = serde_json::from_str(&read("deploy/grafana-dashboard.json")).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().is_some_and(|version| version >= 39));
    let panels = dashboard["panels"].as_array().unwrap();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let asked = panel["targets"][0]["expr"].as_str().unwrap_or_default();
        assert!(!metrics(asked).is_empty(), "{} asks nothing", panel["title"]);
    }
}

#[test]
fn every_alert_says_what_to_do() {
    let (alerts, runbook) = (read("deploy/alerts.yaml"), read("docs/runbook.md"));
    let rules: Vec<&str> = alerts.split("- alert: ").skip(1).collect();
    assert!(!rules.is_empty(), "this looks in the wrong place");
    for rule in rules {
        let name = rule.lines().next().unwrap_or_default().trim();
        let anchor = format!("runbook: docs/runbook.md#{}", name.to_ascii_lowercase());
        assert!(rule.lines().any(|line| line.trim() == anchor), "{name} needs the line `{anchor}`");
        let heading = format!("### {name}");
        assert!(runbook.lines().any(|line| line == heading), "docs/runbook.md needs the section `{heading}`");
    }
}

/// Every setting there is, those that are only mentioned (`# url_file = "…"`) with them.
fn known() -> Table {
    let is_key = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    let mentioned = |line: &str| {
        let setting = line.strip_prefix("# ")?;
        let (key, _) = setting.split_once(" = ")?;
        is_key(key).then(|| setting.to_owned())
    };
    let text = read("assistant/zhanggui.toml");
    let lines: Vec<String> = text.lines().map(|line| mentioned(line).unwrap_or_else(|| line.to_owned())).collect();
    lines.join("\n").parse().unwrap()
}

fn check(file: &str, settings: &Table) {
    let known = known();
    assert!(!settings.is_empty(), "{file} sets nothing: this looks in the wrong place");
    for (section, keys) in settings {
        let there = known.get(section).and_then(|section| section.as_table());
        let there = there.unwrap_or_else(|| panic!("{file}: there is no section [{section}]"));
        for key in keys.as_table().unwrap().keys() {
            assert!(there.contains_key(key), "{file}: there is no {key} under [{section}]");
        }
    }
}

#[test]
fn settings_in_files_are_settings_of_the_program() {
    check("deploy/zhanggui.toml", &read("deploy/zhanggui.toml").parse::<Table>().unwrap());
    let manifest = read("deploy/kubernetes.yaml");
    let (_, after) = manifest.split_once("zhanggui.toml: |\n").unwrap();
    let lines: Vec<&str> = after.lines().take_while(|line| line.is_empty() || line.starts_with("    ")).collect();
    check("deploy/kubernetes.yaml", &lines.join("\n").parse::<Table>().unwrap());
}

#[test]
fn settings_in_the_environment_are_settings_of_the_program() {
    for file in ["deploy/compose.yaml", "deploy/kubernetes.yaml"] {
        for name in words(&read(file)).filter_map(|word| word.strip_prefix("ZHANGGUI__")) {
            let (section, key) = name.split_once("__").unwrap();
            let setting = format!("[{}]\n{} = 0", section.to_ascii_lowercase(), key.to_ascii_lowercase());
            check(file, &setting.parse::<Table>().unwrap());
        }
    }
}

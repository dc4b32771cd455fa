//! Holds the picture in docs/architecture.md: who may depend on whom.

use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// Each crate and the workspace crates it may know.
const PICTURE: [(&str, &[&str]); 2] = [("commerce-core", &[]), ("assistant", &["commerce-core"])];

/// What the core may be built on, and tested with: nothing that speaks HTTP, nothing that runs models.
const GROUND: [&str; 21] = [
    "argon2",
    "csv",
    "ed25519-dalek",
    "encoding_rs",
    "futures-util",
    "hmac",
    "jiff",
    "jsonschema",
    "proptest",
    "rand",
    "schemars",
    "serde",
    "serde_json",
    "sha2",
    "sqlx",
    "strum",
    "tempfile",
    "thiserror",
    "tokio",
    "totp-rs",
    "uuid",
];

#[test]
fn crates_know_only_whom_they_may_know() {
    let packages = packages();
    let allowed: BTreeMap<&str, &[&str]> = PICTURE.into();
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    for package in &packages {
        let name = package["name"].as_str().expect("a package has a name");
        let may_know = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the picture; add it there and in docs/architecture.md"));
        for other in dependencies(package).filter(|other| names.contains(other)) {
            assert!(may_know.contains(&other), "{name} must not depend on {other}");
        }
    }
}

#[test]
fn the_core_knows_neither_http_nor_models() {
    for package in packages().iter().filter(|package| package["name"] == "commerce-core") {
        for other in dependencies(package) {
            assert!(GROUND.contains(&other), "commerce-core gains {other}; if it has to, add it here and say why");
        }
    }
}

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .output()
        .expect("cargo answers");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    metadata["packages"].as_array().expect("there are packages").clone()
}

fn dependencies(package: &Value) -> impl Iterator<Item = &str> {
    let all = package["dependencies"].as_array().expect("a list");
    all.iter().filter_map(|dependency| dependency["name"].as_str())
}

/// The core is told what the database is by one module only.
#[test]
fn only_the_store_names_sqlx() {
    let core = concat!(env!("CARGO_MANIFEST_DIR"), "/../commerce-core/src");
    let output = Command::new("grep").args(["-rl", "sqlx", "--include=*.rs", core]).output().expect("grep runs");
    let files = String::from_utf8_lossy(&output.stdout).into_owned();
    let (store, strangers): (Vec<&str>, Vec<&str>) = files.lines().partition(|file| file.contains("/src/store/"));
    assert!(!store.is_empty(), "nobody names sqlx: this looks in the wrong place");
    assert!(strangers.is_empty(), "these name sqlx: {strangers:?}");
}

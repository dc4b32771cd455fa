//! Holds the picture in docs/architecture.md: who may depend on whom.

use std::collections::BTreeMap;
use std::process::Command;

/// Each crate and the workspace crates it may know.
const PICTURE: [(&str, &[&str]); 2] = [("commerce-core", &[]), ("assistant", &["commerce-core"])];

#[test]
fn crates_know_only_whom_they_may_know() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .output()
        .expect("cargo answers");
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("there are packages");
    let allowed: BTreeMap<&str, &[&str]> = PICTURE.into();
    let names: Vec<&str> = packages.iter().filter_map(|package| package["name"].as_str()).collect();
    for package in packages {
        let name = package["name"].as_str().expect("a package has a name");
        let may_know = allowed
            .get(name)
            .unwrap_or_else(|| panic!("{name} is not in the picture; add it there and in docs/architecture.md"));
        let knows = package["dependencies"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|dependency| dependency["name"].as_str());
        for other in knows.filter(|other| names.contains(other)) {
            assert!(may_know.contains(&other), "{name} must not depend on {other}");
        }
    }
}

/// The core is told what the database is by one module only.
#[test]
fn only_the_store_names_sqlx() {
    let core = concat!(env!("CARGO_MANIFEST_DIR"), "/../commerce-core/src");
    let output = Command::new("grep").args(["-rl", "sqlx", "--include=*.rs", core]).output().expect("grep runs");
    let files = String::from_utf8_lossy(&output.stdout).into_owned();
    let strangers: Vec<&str> = files.lines().filter(|file| !file.contains("/src/store/")).collect();
    assert!(strangers.is_empty(), "these name sqlx: {strangers:?}");
}

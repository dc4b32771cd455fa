use crate::db::Db;
use std::path::Path;

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_fits_both_databases() {
    let mut files = Vec::new();
    collect(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/sql")), &mut files);
    assert!(files.len() > 50, "found only {} statements", files.len());
    for db in Db::both().await {
        let store = db.store().await;
        let mut wrong = Vec::new();
        // A statement that only one database understands says so in its name, as migrations do.
        let other = if db.name == "sqlite" { ".postgres.sql" } else { ".sqlite.sql" };
        for (path, sql) in files.iter().filter(|(path, _)| !path.ends_with(other)) {
            if let Err(error) = store.prepare(sql).await {
                wrong.push(format!("{} on {}: {error}", path, db.name));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

fn collect(dir: &Path, files: &mut Vec<(String, &'static str)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let sql: &'static str = Box::leak(std::fs::read_to_string(&path).unwrap().into_boxed_str());
            files.push((path.display().to_string(), sql));
        }
    }
}

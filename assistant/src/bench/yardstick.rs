//! What this machine and this database can do at all.

use crate::private_postgres::PrivatePostgres;
use sqlx::{AnyConnection, Connection, Executor};
use std::time::{Duration, Instant};
use tokio::process::Command;

/// Commits per second, one row each, one after the other, as durable as the shop's own.
pub(super) async fn single_commits(url: &str, lasting: Duration) -> Result<f64, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await?;
    if url.starts_with("sqlite") {
        connection.execute("pragma journal_mode = wal").await?;
        connection.execute("pragma synchronous = full").await?;
    }
    connection.execute("create table if not exists yardstick (id bigint primary key, note text not null)").await?;
    connection.execute("delete from yardstick").await?;
    let start = Instant::now();
    let mut commits = 0_i64;
    while start.elapsed() < lasting {
        sqlx::query("insert into yardstick (id, note) values ($1, $2)")
            .bind(commits)
            .bind("one row, one commit")
            .execute(&mut connection)
            .await?;
        commits += 1;
    }
    let rate = commits as f64 / start.elapsed().as_secs_f64();
    connection.execute("drop table yardstick").await?;
    connection.close().await?;
    Ok(rate)
}

/// How both are printed, beside what the shop did per second.
pub(super) fn print(single_commits_per_s: f64, pgbench_tps: Option<f64>, clients: usize, ours: (&str, f64)) {
    println!("{:<24} {single_commits_per_s:>10.0}   (one row, one commit, one client)", "yardstick: commits/s");
    if let Some(tps) = pgbench_tps {
        println!("{:<24} {tps:>10.0}   (TPC-B, prepared, {clients} clients)", "yardstick: pgbench tps");
        println!("{} / pgbench {:.0}%", ours.0, ours.1 / tps * 100.0);
    }
}

/// pgbench's TPC-B-like transactions per second: prepared statements, as many clients as the shop had.
pub(super) async fn pgbench(server: &PrivatePostgres, clients: usize, seconds: u64) -> Result<f64, String> {
    let program = server.bin().join("pgbench");
    let run = async |args: &[&str]| {
        let output = Command::new(&program)
            .args(["-h", "127.0.0.1", "-p", &server.port().to_string(), "-U", "zhanggui"])
            .args(args)
            .arg("postgres")
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| format!("pgbench cannot be run: {error}; it comes with the package `postgresql`"))?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(text) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    };
    // Scale = clients, so that clients do not queue at one branch row.
    let (clients, seconds) = (clients.to_string(), seconds.to_string());
    run(&["-i", "-q", "-s", &clients]).await?;
    let report = run(&["-M", "prepared", "-c", &clients, "-j", "2", "-T", &seconds]).await?;
    let tps = report.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    tps.ok_or_else(|| format!("pgbench printed no tps:\n{report}"))
}

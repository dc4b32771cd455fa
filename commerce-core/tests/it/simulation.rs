use crate::db::Db;
use commerce_core::sim;

/// `SIM_SEED=7 SIM_OPS=50000` runs another or a longer one; `zhanggui sim` runs them on demand.
#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_random_operations_with_crashes() {
    let number =
        |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (seed, ops) = (number("SIM_SEED", 1), number("SIM_OPS", 1_000));
    for db in Db::both().await {
        let report =
            sim::run(&db.url, seed, ops, |_| {}).await.unwrap_or_else(|divergence| panic!("{}: {divergence}", db.name));
        println!("{} seed {seed}: {report:?}", db.name);
        assert!(report.crashes > 0 && report.refused > 0, "nothing went wrong: {report:?}");
    }
}

/// `MONEY_SEED=5000 MONEY_SEEDS=10000` runs others and more; `zhanggui sim --money 10000` runs them on demand.
#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_seeds_of_payments_with_crashes() {
    let number =
        |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (first, count) = (number("MONEY_SEED", 1), number("MONEY_SEEDS", 200));
    let [sqlite, postgres] = Db::both().await;
    let run = async |db: &Db| {
        let report = sim::run_money(&db.url, first..first + count, 30, |_| {}).await;
        let report = report.unwrap_or_else(|divergence| panic!("{}: {divergence}", db.name));
        println!("{} seeds {first}..{}: {report:?}", db.name, first + count);
        assert!(report.crashes > 0 && report.given_back > 0, "nothing went wrong: {report:?}");
        report
    };
    let (on_sqlite, on_postgres) = tokio::join!(run(&sqlite), run(&postgres));
    // A seed is worth something only if it does the same each time, crashes included.
    assert_eq!(on_sqlite, on_postgres, "the same seeds took another course");
}

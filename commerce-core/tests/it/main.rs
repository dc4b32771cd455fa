use commerce_core::store::{Store, StoreError};
#[tokio::test(flavor="multi_thread")]
async fn spawnable() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}/a.db", dir.path().display());
    println!("{:?}", Store::migrate(&url).await);
    let store = Store::open(&url).await.unwrap();
    let name = String::from("x");
    let s2 = store.clone();
    let h = tokio::spawn(async move { place(&s2, &name).await });
    h.await.unwrap().unwrap();
}
async fn place(store: &Store, name: &str) -> Result<u64, StoreError> {
    store.write(move |tx| async move { let n = name.len() as u64; Ok(tx.keep(n).await?) }).await
}

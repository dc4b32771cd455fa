//! What time asks for. Every job but sealing may run in any number of processes at once: the rows decide who does what.

use super::config;
use crate::http::{RunOutcome, Service, count_job};
use crate::key_files::seal_all;
use crate::trouble::Trouble;
use crate::webhooks::HttpCourier;
use commerce_core::Shop;
use commerce_core::ledger::seal::SealKey;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

pub(super) struct Jobs {
    shop: Shop,
    every: config::Jobs,
    seal: Arc<Seal>,
    courier: Arc<HttpCourier>,
}

struct Seal {
    key: SealKey,
    file: PathBuf,
}

/// Jobs at work.
pub(super) struct Working(JoinSet<()>);

const TIDY_UP_S: u64 = 60;

impl Jobs {
    pub(super) fn new(shop: &Shop, every: &config::Jobs, (key, file): (SealKey, &Path), courier: HttpCourier) -> Self {
        let seal = Arc::new(Seal { key, file: file.to_owned() });
        Self { shop: shop.clone(), every: every.clone(), seal, courier: Arc::new(courier) }
    }

    pub(super) fn begin(self, service: &Service, closed: watch::Receiver<()>) -> Working {
        let Self { shop, every, seal, courier } = self;
        let mut working = JoinSet::new();
        let sweeping = shop.clone();
        working.spawn(repeat("sweep", every.sweep_s, closed.clone(), move || {
            let shop = sweeping.clone();
            async move { sweep(&shop).await }
        }));
        let chasing = shop.clone();
        working.spawn(repeat("chase", every.chase_s, closed.clone(), move || {
            let shop = chasing.clone();
            async move { chase(&shop).await }
        }));
        let telling = shop.clone();
        working.spawn(repeat("webhooks", every.webhooks_s, closed.clone(), move || {
            let (shop, courier) = (telling.clone(), courier.clone());
            async move { tell(&shop, &courier).await }
        }));
        working.spawn(repeat("seal", every.seal_s, closed.clone(), move || {
            let (shop, seal) = (shop.clone(), seal.clone());
            async move { seal_every_shop(&shop, &seal).await }
        }));
        let service = service.clone();
        working.spawn(repeat("tidy-up", TIDY_UP_S, closed, move || {
            let service = service.clone();
            async move {
                service.tidy_up();
                Ok(())
            }
        }));
        Working(working)
    }
}

async fn sweep(shop: &Shop) -> Result<(), Trouble> {
    shop.sweep_all().await?;
    Ok(())
}

async fn chase(shop: &Shop) -> Result<(), Trouble> {
    let chased = shop.chase_all().await?;
    if chased.unanswered > 0 {
        tracing::warn!(unanswered = chased.unanswered, why = chased.why, "a payment channel does not answer");
    }
    Ok(())
}

async fn tell(shop: &Shop, courier: &HttpCourier) -> Result<(), Trouble> {
    let queued = shop.fan_out().await;
    // What is due is sent, whether or not more could be queued; and at once again while somebody takes it.
    while shop.deliver_all(courier).await?.delivered > 0 {}
    queued?;
    Ok(())
}

async fn seal_every_shop(shop: &Shop, seal: &Seal) -> Result<(), Trouble> {
    let tenants = shop.store().read().await?.tenants().await?;
    let mut first_trouble = Ok(());
    for tenant in tenants {
        // One shop's trouble must not keep the others from being sealed.
        let sealed = seal_all(shop, tenant.id, &seal.key, &seal.file).await.map(drop);
        first_trouble = first_trouble.and(sealed);
    }
    first_trouble
}

impl Working {
    pub(super) async fn end(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

/// Does it every so many seconds until the service closes. One that fails is tried again in its next turn.
async fn repeat<Run: Future<Output = Result<(), Trouble>>>(
    job: &'static str,
    every_s: u64,
    mut closed: watch::Receiver<()>,
    run: impl Fn() -> Run,
) {
    if every_s == 0 {
        return;
    }
    let mut turns = tokio::time::interval(Duration::from_secs(every_s));
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            _ = closed.changed() => return,
        }
        let begun = Instant::now();
        let outcome = match run().await {
            Ok(()) => RunOutcome::Done,
            Err(trouble) => {
                tracing::error!(job, %trouble, "a job failed and will be tried again");
                RunOutcome::Failed
            }
        };
        count_job(job, outcome, begun.elapsed().as_secs_f64());
    }
}

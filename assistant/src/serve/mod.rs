//! `zhanggui serve`: the shop as a service, with everything that time asks for.

mod config;
mod demo;
mod jobs;
mod log;

pub(crate) use config::COMMENTED;
pub(crate) use demo::{Options as DemoOptions, run as run_demo};

use config::Config;

use crate::channels::HttpSandbox;
use crate::http::{CodesToLog, Cookies, DemoSignIn, HttpConfig, Outside, Platform, Recorder, Service, health};
use crate::key_files::{master_key_or_new, seal_key_or_new};
use crate::platforms::{Alipay, WeChat};
use crate::sandbox_pay::Agreement;
use crate::trouble::Trouble;
use crate::webhooks::HttpCourier;
use axum::Router;
use clap::Args;
use commerce_core::Shop;
use commerce_core::store::Store;
use commerce_core::webhook::Reach;
use config::{PhoneCodes, read_secret};
use jobs::Jobs;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

const LAST_WORDS: Duration = Duration::from_secs(2);

#[derive(Args)]
pub(crate) struct Options {
    /// The settings; without it every one has its default. `zhanggui config example` prints a commented file.
    #[arg(long, env = "ZHANGGUI_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) async fn run(options: Options) -> Result<(), Trouble> {
    let config = Config::load(options.config.as_deref())?;
    log::begin(&config.log)?;
    let opened = Open::open(&config).await?;
    tracing::info!(listen = %opened.address, admin = %opened.admin_address, "the shop is open");
    opened.serve(&config, stop_signal()).await
}

/// `zhanggui config check`: whether a file can be served by.
pub(crate) async fn check(options: Options) -> Result<(), Trouble> {
    let config = Config::load(options.config.as_deref())?;
    config.database_url()?;
    println!("{config:#?}");
    Ok(())
}

/// A service whose doors are open, and which serves nobody yet.
pub(crate) struct Open {
    service: Service,
    listener: TcpListener,
    admin: TcpListener,
    pub(crate) address: SocketAddr,
    pub(crate) admin_address: SocketAddr,
    recorder: Recorder,
    jobs: Jobs,
}

impl Open {
    pub(crate) async fn open(config: &Config) -> Result<Self, Trouble> {
        let url = config.database_url()?;
        if config.database.migrate {
            Store::migrate(&url).await?;
        }
        let shop = Shop::new(Store::open(&url).await?);
        shop.load_master_key(master_key_or_new(&config.keys.master_file)?);
        let (listener, admin) = (bind(config.server.listen).await?, bind(config.server.admin_listen).await?);
        let (address, admin_address) = (address_of(&listener)?, address_of(&admin)?);
        connect(&shop, config, address)?;
        let seal = (seal_key_or_new(&config.keys.seal_file)?, config.keys.seal_file.as_path());
        let jobs = Jobs::new(&shop, &config.jobs, seal, courier(&shop, config)?);
        let recorder = Recorder::install().map_err(Trouble::say)?;
        let service = Service::new(shop, http(config), outside(config)?);
        Ok(Self { service, listener, admin, address, admin_address, recorder, jobs })
    }

    /// Serves until `stop`; then nobody new is let in, and whoever is being served is served to the end.
    pub(crate) async fn serve(self, config: &Config, stop: impl Future<Output = ()>) -> Result<(), Trouble> {
        let (closing, closed) = watch::channel(());
        let shop = self.service.shop.clone();
        let admin = health(self.service.clone(), self.recorder);
        let jobs = self.jobs.begin(&self.service, closed.clone());
        let main = tokio::spawn(serve_on(self.listener, self.service.into_router(), closed.clone()));
        let admin = tokio::spawn(serve_on(self.admin, admin, closed));
        stop.await;
        tracing::info!("the shop closes");
        drop(closing);
        let goodbye = async {
            let served = main.await;
            // Whatever a job has begun is done or undone by its own transaction.
            jobs.end().await;
            drop(admin.await);
            served
        };
        match tokio::time::timeout(Duration::from_secs(config.server.goodbye_s), goodbye).await {
            Ok(served) => served.map_err(Trouble::say)?.map_err(Trouble::say)?,
            Err(_) => tracing::warn!("some were still being served when the time was over"),
        }
        // Whoever overran still holds a connection: their transaction is undone by the end of the program.
        drop(tokio::time::timeout(LAST_WORDS, shop.store().close()).await);
        Ok(())
    }
}

/// Ends when the other end of `closed` is dropped.
async fn serve_on(listener: TcpListener, router: Router, mut closed: watch::Receiver<()>) -> std::io::Result<()> {
    let serving = axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>());
    serving.with_graceful_shutdown(async move { drop(closed.changed().await) }).await
}

async fn bind(address: SocketAddr) -> Result<TcpListener, Trouble> {
    let taken = |error| Trouble::say(format!("{address} cannot be used: {error}; give another address under [server]"));
    TcpListener::bind(address).await.map_err(taken)
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, Trouble> {
    listener.local_addr().map_err(Trouble::say)
}

/// Connects shops to their payment channels.
fn connect(shop: &Shop, config: &Config, address: SocketAddr) -> Result<(), Trouble> {
    let settings = &config.sandbox;
    let here = format!("http://{address}");
    let public_url = if config.server.public_url.is_empty() { &here } else { &config.server.public_url };
    let secret = settings.secret_file.as_deref().map(read_secret).transpose()?;
    let agreement = Agreement::new(secret, &settings.merchant, settings.fee_bp);
    for code in &settings.shops {
        let notify = format!("{}/api/v1/callbacks/{code}/sandbox", public_url.trim_end_matches('/'));
        let timeout = Duration::from_millis(settings.timeout_ms);
        let sandbox = HttpSandbox::new(&settings.url, &agreement, &notify, timeout)?;
        shop.connect(commerce_core::id::Id::derived("tenant", code), Arc::new(sandbox));
    }
    Ok(())
}

fn courier(shop: &Shop, config: &Config) -> Result<HttpCourier, Trouble> {
    if config.webhooks.to_this_machine {
        shop.practise_webhooks();
        return HttpCourier::new(Reach::ThisMachineToo);
    }
    HttpCourier::new(Reach::Internet)
}

fn http(config: &Config) -> HttpConfig {
    HttpConfig {
        shop: config.shop.default.clone(),
        demo_sign_in: match config.shop.demo_sign_in.as_str() {
            "" => DemoSignIn::Never,
            shop => DemoSignIn::In(shop.to_owned()),
        },
        allowed_origins: config.server.allowed_origins.clone(),
        trusted_proxies: config.server.trusted_proxies.clone(),
        cookies: if config.server.secure_cookies { Cookies::Secure } else { Cookies::Plain },
        limits: config.limits.clone(),
    }
}

fn outside(config: &Config) -> Result<Outside, Trouble> {
    let mut platforms: BTreeMap<String, Arc<dyn Platform>> = BTreeMap::new();
    if !config.wechat.app_id.is_empty() {
        let wechat = WeChat::new(&config.wechat, read_secret(&config.wechat.secret_file)?)?;
        platforms.insert("wechat".to_owned(), Arc::new(wechat));
    }
    if !config.alipay.app_id.is_empty() {
        let alipay = Alipay::new(&config.alipay, &read_secret(&config.alipay.key_file)?)?;
        platforms.insert("alipay".to_owned(), Arc::new(alipay));
    }
    let codes = match config.shop.phone_codes {
        PhoneCodes::Log => Some(Arc::new(CodesToLog) as _),
        PhoneCodes::None => None,
    };
    Ok(Outside { platforms, codes })
}

/// When whoever runs the service wants it to end.
pub(crate) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return drop(tokio::signal::ctrl_c().await);
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

//! `zhanggui demo`: a whole shop on this machine, with goods, customers, orders and a payment company to practise with.

use super::config::{Config, Keys, LogFormat, PhoneCodes, ShopDefaults};
use super::{Open, log, stop_signal};
use crate::demo::{self, OWNER, OWNER_PASSWORD};
use crate::sandbox_pay;
use crate::trouble::Trouble;
use clap::Args;
use commerce_core::Shop;
use commerce_core::caller::Caller;
use commerce_core::catalog::id_of_code;
use commerce_core::store::ProductSearch;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Options {
    /// Where the shop is kept: its database and its keys.
    #[arg(long, default_value = "data")]
    dir: PathBuf,
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Health and figures.
    #[arg(long, default_value_t = 8081)]
    admin_port: u16,
    #[arg(long, default_value_t = 8085)]
    sandbox_port: u16,
    /// How many orders the shop has seen when it is made.
    #[arg(long, default_value_t = 2_000)]
    orders: usize,
}

const SHOP: &str = "demo";
const BUYER: &str = "C0001";

pub(crate) async fn run(options: Options) -> Result<(), Trouble> {
    let dir = &options.dir;
    std::fs::create_dir_all(dir)
        .map_err(|error| Trouble::say(format!("{} cannot be made: {error}; give another --dir", dir.display())))?;
    let url = format!("sqlite:{}", dir.join("demo.db").display());
    demo::make(&url, options.orders).await?;
    let sandbox =
        sandbox_pay::Open::open(sandbox_pay::Options::at(options.sandbox_port, dir.join("sandbox.journal"))).await?;
    let config = config(&options, &url, sandbox.address())?;
    log::begin(&config.log)?;
    let opened = Open::open(&config).await?;
    println!("{}", welcome(&opened, sandbox.address()).await?);
    tokio::spawn(sandbox.serve());
    opened.serve(&config, stop_signal()).await
}

/// The settings of a shop to look around in; what the demo does not need otherwise, the environment may set.
fn config(options: &Options, url: &str, sandbox: &str) -> Result<Config, Trouble> {
    let here = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let file = |name: &str| Path::new(&options.dir).join(name);
    let mut config = Config::load(None)?;
    config.server.listen = here(options.port);
    config.server.admin_listen = here(options.admin_port);
    config.server.secure_cookies = false;
    config.shop =
        ShopDefaults { default: SHOP.to_owned(), demo_sign_in: SHOP.to_owned(), phone_codes: PhoneCodes::Log };
    config.keys = Keys { master_file: file("demo.master-key"), seal_file: file("demo.seal-key") };
    config.sandbox.shops = vec![SHOP.to_owned()];
    sandbox.clone_into(&mut config.sandbox.url);
    url.clone_into(&mut config.database.url);
    config.log.format = LogFormat::Text;
    config.log.level = "warn".to_owned();
    config.webhooks.to_this_machine = true;
    Ok(config)
}

/// Where everything is, who may come in, and five lines to begin with.
async fn welcome(opened: &Open, sandbox: &str) -> Result<String, Trouble> {
    let (url, admin) = (format!("http://{}", opened.address), format!("http://{}", opened.admin_address));
    let (sku, address) = something_to_buy(&opened.service.shop).await?;
    let api = format!("{url}/api/v1");
    let json = "-H 'content-type: application/json'";
    let me = "-H \"authorization: Bearer $T\"";
    let key = "-H \"x-idempotency-key: first-look-$RANDOM$RANDOM\"";
    let lines = [
        format!("curl -s -G {api}/products --data-urlencode words=蜂蜜 -d limit=1; echo"),
        format!(
            "T=$(curl -s {api}/shopper-sessions {json} -d '{{\"by\":\"demo\",\"customer\":\"{BUYER}\"}}' | grep -o 'zgc_[A-Z0-9]*'); echo $T"
        ),
        format!(
            "O=$(curl -s {api}/orders {me} {key} {json} -d '{{\"items\":[{{\"sku\":\"{sku}\",\"qty\":1}}],\"shipping_address_id\":\"{address}\"}}' | grep -o 'ord_[0-9a-f]*' | head -1); echo $O"
        ),
        format!(
            "P=$(curl -s {api}/orders/$O/payments {me} {key} {json} -d '{{\"methods\":[{{\"type\":\"channel\",\"channel\":\"sandbox\"}}]}}' | grep -o '{sandbox}/pay/[0-9a-z_]*'); curl -s -X POST $P -o /dev/null; echo paid at $P"
        ),
        format!("sleep 2; curl -s {api}/orders/$O {me} | grep -o '\"state\":\"[A-Z_]*\"'"),
    ];
    let lines: String = lines.iter().map(|line| format!("  {line}\n")).collect();
    Ok(format!(
        "\n掌柜 is open.\n\n  shop     {api}\n  docs     {url}/docs\n  health   {admin}/healthz, figures {admin}/metrics\n  sandbox  {sandbox} (the payment company)\n\n\
         Sign in as staff: {OWNER} / {OWNER_PASSWORD}; as a shopper: any customer from C0001 on, without a password.\n\n\
         Look, sign in, order, pay, look again:\n\n{lines}\nCtrl-C closes the shop."
    ))
}

/// A SKU that is there, and where the buyer lives.
async fn something_to_buy(shop: &Shop) -> Result<(String, String), Trouble> {
    let staff = Caller::staff(shop.tenant(SHOP).await?.id);
    let search = ProductSearch { words: "蜂蜜".to_owned(), ..ProductSearch::default() };
    let found = shop.search_products(&staff, "h5", &search, 50).await?;
    let mut variants = found.iter().flat_map(|displayed| &displayed.variants);
    let is_there = |variant: &&commerce_core::Variant| matches!(variant.availability, commerce_core::Availability::Counted(count) if count > 0);
    let missing = || Trouble::say("the demo shop has no honey left; delete its folder and begin anew");
    let sku = variants.find(is_there).ok_or_else(missing)?.sku.id;
    let addresses = shop.addresses(&staff, id_of_code(staff.tenant, BUYER)).await?;
    Ok((sku.to_string(), addresses.first().ok_or_else(missing)?.id.to_string()))
}

//! `zhanggui webhooks`: who outside hears of events, and what became of what they were told.

use super::At;
use super::output::{Output, Shown, table};
use crate::key_files::MasterKeyFile;
use crate::place::Place;
use crate::trouble::Trouble;
use crate::webhooks::HttpCourier;
use clap::{Args, Subcommand};
use commerce_core::caller::Caller;
use commerce_core::store::DeliverySearch;
use commerce_core::time::Timestamp;
use commerce_core::webhook::{Delivery, DeliveryState, Endpoint, Reach};
use commerce_core::{Delivered, EndpointChange, EndpointSecret, Shop};
use serde_json::{Value, json};

#[derive(Subcommand)]
pub(crate) enum Webhooks {
    /// The endpoints that hear of events.
    List(Plain),
    /// Add an endpoint; the secret with which letters to it are signed is told this once.
    Add(Add),
    /// Give an endpoint another address or other events, pause it, let it go on.
    Change(Change),
    /// A new secret; for a day the old one signs, too.
    Rotate(Rotate),
    /// End an endpoint, with what is on its way to it.
    Remove(Remove),
    /// What was delivered, is on its way, or was given up: newest event first.
    Log(Log),
    /// Send again what is settled: one delivery, or all of an endpoint since a time.
    Replay(Replay),
    /// Queue new events and send what is due, for every shop of the database.
    Deliver(Deliver),
}

#[derive(Args)]
pub(crate) struct Plain {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Practice {
    /// Reach endpoints on this machine, too, without encryption: to practise.
    #[arg(long, env = "ZHANGGUI_PRACTISE_WEBHOOKS")]
    practise: bool,
}

#[derive(Args)]
pub(crate) struct Add {
    /// https://…
    url: String,
    /// What it is to hear of, such as `Order.Paid,Stock.*`. Without it: everything.
    #[arg(long, value_delimiter = ',')]
    events: Vec<String>,
    #[command(flatten)]
    practice: Practice,
    #[command(flatten)]
    master_key: MasterKeyFile,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Change {
    #[arg(value_name = "ENDPOINT_ID")]
    endpoint: String,
    #[arg(long)]
    url: Option<String>,
    /// What it is to hear of, such as `Order.Paid,Stock.*`; '' for everything.
    #[arg(long, value_delimiter = ',')]
    events: Option<Vec<String>>,
    /// Let events wait.
    #[arg(long, conflicts_with = "resume")]
    pause: bool,
    /// Send what waited, and go on.
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    practice: Practice,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Rotate {
    #[arg(value_name = "ENDPOINT_ID")]
    endpoint: String,
    #[command(flatten)]
    master_key: MasterKeyFile,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Remove {
    #[arg(value_name = "ENDPOINT_ID")]
    endpoint: String,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Log {
    #[arg(long, value_name = "ENDPOINT_ID")]
    endpoint: Option<String>,
    /// PENDING, DELIVERED or DEAD.
    #[arg(long)]
    state: Option<DeliveryState>,
    /// The last delivery of the page before.
    #[arg(long, value_name = "DELIVERY_ID")]
    before: Option<String>,
    #[arg(long, default_value_t = 20)]
    limit: u32,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Replay {
    #[arg(value_name = "DELIVERY_ID", required_unless_present = "endpoint", conflicts_with = "endpoint")]
    delivery: Option<String>,
    #[arg(long, value_name = "ENDPOINT_ID", requires = "since")]
    endpoint: Option<String>,
    /// Like 2026-11-21T08:00:00+08:00.
    #[arg(long, value_name = "TIME", requires = "endpoint")]
    since: Option<String>,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    at: At,
}

#[derive(Args)]
pub(crate) struct Deliver {
    #[command(flatten)]
    practice: Practice,
    #[command(flatten)]
    master_key: MasterKeyFile,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    place: Place,
}

impl Practice {
    /// Tells the shop how far webhooks may go.
    fn allow(&self, shop: &Shop) -> Reach {
        if self.practise {
            shop.practise_webhooks();
            Reach::ThisMachineToo
        } else {
            Reach::Internet
        }
    }
}

pub(crate) async fn run(command: Webhooks) -> Result<(), Trouble> {
    match command {
        Webhooks::List(options) => {
            let (shop, tenant) = options.at.open().await?;
            options.output.show(&shop.endpoints(&Caller::staff(tenant.id)).await?);
        }
        Webhooks::Add(options) => {
            let (shop, tenant) = options.at.open().await?;
            options.master_key.load(&shop)?;
            options.practice.allow(&shop);
            options.output.show(&shop.add_endpoint(&Caller::staff(tenant.id), &options.url, &options.events).await?);
        }
        Webhooks::Change(options) => change(options).await?,
        Webhooks::Rotate(options) => {
            let (shop, tenant) = options.at.open().await?;
            options.master_key.load(&shop)?;
            let caller = Caller::staff(tenant.id);
            options.output.show(&shop.rotate_endpoint_secret(&caller, options.endpoint.parse()?).await?);
        }
        Webhooks::Remove(options) => {
            let (shop, tenant) = options.at.open().await?;
            shop.remove_endpoint(&Caller::staff(tenant.id), options.endpoint.parse()?).await?;
            println!("Removed. What was on its way to it is given up.");
        }
        Webhooks::Log(options) => {
            let (shop, tenant) = options.at.open().await?;
            let endpoint = options.endpoint.as_deref().map(str::parse).transpose()?;
            let before = options.before.as_deref().map(str::parse).transpose()?;
            let search = DeliverySearch { endpoint, state: options.state, before };
            options.output.show(&shop.deliveries(&Caller::staff(tenant.id), &search, options.limit).await?);
        }
        Webhooks::Replay(options) => replay(options).await?,
        Webhooks::Deliver(options) => deliver(options).await?,
    }
    Ok(())
}

async fn change(options: Change) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    options.practice.allow(&shop);
    let is_paused = match (options.pause, options.resume) {
        (true, _) => Some(true),
        (_, true) => Some(false),
        _ => None,
    };
    let events = options.events.map(|names| names.into_iter().filter(|name| !name.is_empty()).collect());
    let change = EndpointChange { url: options.url, events, is_paused };
    let changed = shop.change_endpoint(&Caller::staff(tenant.id), options.endpoint.parse()?, &change).await?;
    options.output.show(&vec![changed]);
    Ok(())
}

async fn replay(options: Replay) -> Result<(), Trouble> {
    let (shop, tenant) = options.at.open().await?;
    let caller = Caller::staff(tenant.id);
    if let Some(delivery) = options.delivery {
        options.output.show(&vec![shop.replay_delivery(&caller, delivery.parse()?).await?]);
    }
    if let (Some(endpoint), Some(since)) = (options.endpoint, options.since) {
        let since: Timestamp = since.parse()?;
        let count = shop.replay_since(&caller, endpoint.parse()?, since).await?;
        println!("{count} deliveries will be sent again.");
    }
    Ok(())
}

/// One round after another until nothing is due; what failed has its own time.
async fn deliver(options: Deliver) -> Result<(), Trouble> {
    let shop = options.place.open().await?;
    options.master_key.load(&shop)?;
    let courier = HttpCourier::new(options.practice.allow(&shop))?;
    let mut total = Round { queued: shop.fan_out().await?, sent: Delivered::default() };
    loop {
        let sent = shop.deliver_all(&courier).await?;
        if sent == Delivered::default() {
            break;
        }
        total.sent += sent;
    }
    options.output.show(&total);
    Ok(())
}

struct Round {
    queued: usize,
    sent: Delivered,
}

impl Shown for Round {
    fn as_json(&self) -> Value {
        let Delivered { delivered, failed, given_up } = self.sent;
        json!({ "queued": self.queued, "delivered": delivered, "failed": failed, "given_up": given_up })
    }

    fn as_text(&self) -> String {
        let Delivered { delivered, failed, given_up } = self.sent;
        format!("{} queued, {delivered} delivered, {failed} to be tried again, {given_up} given up.", self.queued)
    }
}

fn endpoint_json(endpoint: &Endpoint) -> Value {
    let Endpoint { id, url, events, state, breaker, sequence, created_at, .. } = endpoint;
    let rests_until = Some(breaker.open_until).filter(|until| until.micros() > 0);
    json!({
        "id": id, "url": url, "events": events, "state": state.to_string(), "failures": breaker.failures,
        "rests_until": rests_until, "sequence": sequence, "created_at": created_at,
    })
}

impl Shown for EndpointSecret {
    fn as_json(&self) -> Value {
        let mut endpoint = endpoint_json(&self.endpoint);
        endpoint["secret"] = json!(self.secret.reveal());
        endpoint
    }

    fn as_text(&self) -> String {
        format!("{}\n{} signs with it. The shop keeps no copy of it.", self.secret.reveal(), self.endpoint.id)
    }
}

impl Shown for Vec<Endpoint> {
    fn as_json(&self) -> Value {
        self.iter().map(endpoint_json).collect()
    }

    fn as_text(&self) -> String {
        let row = |endpoint: &Endpoint| {
            let events = if endpoint.events.is_empty() { "all".to_owned() } else { endpoint.events.join(" ") };
            let (state, failures) = (endpoint.state.to_string(), endpoint.breaker.failures.to_string());
            [endpoint.id.to_string(), endpoint.url.clone(), events, state, failures]
        };
        table(["id", "url", "events", "state", ">failures"], &self.iter().map(row).collect::<Vec<_>>())
    }
}

impl Shown for Vec<Delivery> {
    fn as_json(&self) -> Value {
        let delivery = |one: &Delivery| {
            json!({
                "id": one.id, "endpoint": one.endpoint, "event": one.event, "event_name": one.event_name,
                "sequence": one.sequence, "state": one.state.to_string(), "attempts": one.attempts,
                "queued_at": one.queued_at, "next_at": one.next_at, "last_status": one.last_status,
                "last_error": one.last_error, "settled_at": one.settled_at,
            })
        };
        self.iter().map(delivery).collect()
    }

    fn as_text(&self) -> String {
        let row = |one: &Delivery| {
            let status = one.last_status.map_or_else(|| "-".to_owned(), |status| status.to_string());
            let when = match one.settled_at {
                Some(at) => at.to_string(),
                None => format!("next {}", one.next_at),
            };
            let error = one.last_error.lines().next().unwrap_or_default().chars().take(60).collect();
            let (state, attempts) = (one.state.to_string(), one.attempts.to_string());
            [one.id.to_string(), one.event_name.clone(), one.sequence.to_string(), state, attempts, status, when, error]
        };
        let heads = ["id", "event", ">sequence", "state", ">attempts", "status", "when", "error"];
        table(heads, &self.iter().map(row).collect::<Vec<_>>())
    }
}

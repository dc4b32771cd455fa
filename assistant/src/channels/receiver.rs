//! Where payment channels tell a shop what happened, until a whole service is there to hear it.

use crate::trouble::Trouble;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use commerce_core::Shop;
use commerce_core::caller::Caller;
use commerce_core::error::{Failure, Kind};
use commerce_core::port::RawNotification;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// A free port of this machine, not yet served.
pub(crate) struct Receiver {
    listener: TcpListener,
    address: String,
}

/// A receiver at work.
pub(crate) struct Receiving {
    news: Arc<Notify>,
    end: Arc<Notify>,
    work: JoinHandle<std::io::Result<()>>,
}

/// How long those who are telling something are waited for at the end.
const LAST_WORDS: Duration = Duration::from_secs(2);

#[derive(Clone)]
struct Desk {
    shop: Shop,
    caller: Caller,
    news: Arc<Notify>,
}

impl Receiver {
    pub(crate) async fn open() -> Result<Self, Trouble> {
        let no_port = |error| Trouble::say(format!("no port for notifications can be opened: {error}; try again"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(no_port)?;
        let address = format!("http://{}", listener.local_addr().map_err(no_port)?);
        Ok(Self { listener, address })
    }

    /// Where this channel is to tell.
    pub(crate) fn url(&self, channel: &str) -> String {
        format!("{}/notify/{channel}", self.address)
    }

    pub(crate) fn serve(self, shop: Shop, caller: Caller) -> Receiving {
        let (news, end) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let desk = Desk { shop, caller, news: news.clone() };
        let routes = Router::new().route("/notify/{channel}", post(take)).with_state(desk);
        let asked_to_end = end.clone();
        let served =
            axum::serve(self.listener, routes).with_graceful_shutdown(async move { asked_to_end.notified().await });
        Receiving { news, end, work: tokio::spawn(served.into_future()) }
    }
}

impl Receiving {
    /// Until something was told.
    pub(crate) async fn news(&self) {
        self.news.notified().await;
    }

    /// Ends once everybody who was telling something has their answer.
    pub(crate) async fn end(self) {
        self.end.notify_one();
        // Whoever has no answer by then tells it again later.
        drop(tokio::time::timeout(LAST_WORDS, self.work).await);
    }
}

/// "Received" is answered only when it is on disk.
async fn take(State(desk): State<Desk>, Path(channel): Path<String>, headers: HeaderMap, body: String) -> StatusCode {
    let texts = headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())));
    let message = RawNotification { headers: texts.collect(), body };
    let heard = desk.shop.take_notification(&desk.caller, &channel, &message).await;
    desk.news.notify_one();
    match heard {
        Ok(_) => StatusCode::OK,
        Err(error) => match error.kind() {
            Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
            Kind::NotFound => StatusCode::NOT_FOUND,
            Kind::Unavailable | Kind::Timeout => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Kind::Invalid | Kind::Forbidden | Kind::Conflict | Kind::Exhausted => StatusCode::CONFLICT,
        },
    }
}

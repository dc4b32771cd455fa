//! The courier that takes webhooks to their endpoints over HTTP, and nowhere else.

use crate::outgoing;
use crate::trouble::Trouble;
use commerce_core::port::{Courier, Handover, Letter, Outcome};
use commerce_core::webhook::{Reach, check_url};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Response, Url};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// In all, from the name to the last byte.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_TO_CONNECT: Duration = Duration::from_secs(5);
/// How much of an answer is kept for whoever looks into it.
const MOST_OF_AN_ANSWER: usize = 1024;
const NOT_PUBLIC: &str = "its address is not on the open internet";

pub(crate) struct HttpCourier {
    client: Client,
    reach: Reach,
}

impl HttpCourier {
    pub(crate) fn new(reach: Reach) -> Result<Self, Trouble> {
        let client = outgoing::client()
            .dns_resolver(Arc::new(PublicNames { reach }))
            .connect_timeout(PATIENCE_TO_CONNECT)
            .timeout(PATIENCE)
            .user_agent(concat!("zhanggui/", env!("CARGO_PKG_VERSION")));
        Ok(Self { client: outgoing::built(client)?, reach })
    }

    async fn post(&self, letter: &Letter) -> Result<Response, String> {
        // It was checked when the shop gave it, perhaps by a service that could reach further than this one.
        check_url(&letter.url, self.reach).map_err(|fault| fault.to_string())?;
        let url = Url::parse(&letter.url).map_err(|error| error.to_string())?;
        // An address in figures asks no resolver.
        if let Some(address) = url.host_str().and_then(in_figures)
            && !is_within(self.reach, address)
        {
            return Err(NOT_PUBLIC.to_owned());
        }
        let mut request = self.client.post(url).header("content-type", "application/json");
        for (name, value) in &letter.headers {
            request = request.header(*name, value);
        }
        request.body(letter.body.clone()).send().await.map_err(|error| why(&error))
    }
}

impl Courier for HttpCourier {
    fn deliver<'a>(&'a self, letter: &'a Letter) -> Handover<'a> {
        Box::pin(async move {
            match self.post(letter).await {
                Ok(response) => {
                    Outcome::Answered { status: response.status().as_u16(), body: beginning(response).await }
                }
                Err(reason) => Outcome::NoAnswer { reason },
            }
        })
    }
}

/// How an answer begins. Whatever else it says is not read; neither is what does not come in time.
async fn beginning(mut response: Response) -> String {
    let mut read = Vec::new();
    while read.len() < MOST_OF_AN_ANSWER
        && let Ok(Some(chunk)) = response.chunk().await
    {
        read.extend_from_slice(&chunk[..chunk.len().min(MOST_OF_AN_ANSWER - read.len())]);
    }
    String::from_utf8_lossy(&read).into_owned()
}

/// The innermost cause says most, and names no address of ours.
fn why(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "it took too long".to_owned();
    }
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Resolves names to addresses that webhooks may go to. The client connects to these very addresses: what a name
/// says when it is asked again a moment later does not count.
struct PublicNames {
    reach: Reach,
}

impl Resolve for PublicNames {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.reach;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_within(reach, address.ip())).collect();
            if public.is_empty() { Err(NOT_PUBLIC.into()) } else { Ok(Box::new(public.into_iter()) as Addrs) }
        })
    }
}

/// The host of a URL, if it is an address: IPv6 in its brackets.
fn in_figures(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn is_within(reach: Reach, address: IpAddr) -> bool {
    match address {
        _ if reach == Reach::ThisMachineToo && address.is_loopback() => true,
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Azure answers machines of its own there, although the address looks like anybody's.
const AZURE_METADATA: Ipv4Addr = Ipv4Addr::new(168, 63, 129, 16);

/// By the registry of special addresses (RFC 6890). Metadata services are link-local, or in the range that carriers share.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = match (a, b, c) {
        // This network; benchmarks; kept for later.
        (0 | 240.., ..) | (198, 18 | 19, _) => true,
        // Between a carrier and its customers; protocol assignments; the way to 6to4.
        (100, 64..=127, _) | (192, 0, 0) | (192, 88, 99) => true,
        _ => false,
    };
    !(is_special
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || address == AZURE_METADATA)
}

/// Global unicast only. What carries an IPv4 address inside could lead anywhere, so it leads nowhere.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, ..] = address.segments();
    let is_global_unicast = a & 0xe000 == 0x2000;
    let is_special = match (a, b) {
        // Protocol assignments with Teredo; documentation; 6to4.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x2002, _) => true,
        // Documentation again.
        (0x3fff, 0..=0xfff) => true,
        _ => false,
    };
    is_global_unicast && !is_special
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::{HeaderMap, StatusCode};
    use axum::response::{IntoResponse, Redirect};
    use axum::routing::post;

    #[test]
    fn only_the_open_internet_is_reached() {
        for (text, expected) in [
            ("1.1.1.1", true),
            ("100.63.0.1", true),
            ("172.15.0.1", true),
            ("198.20.0.1", true),
            ("2606:4700::1111", true),
            ("2400:3200::1", true),
            ("0.0.0.0", false),
            ("10.1.2.3", false),
            ("100.100.100.200", false),
            ("127.0.0.1", false),
            ("168.63.129.16", false),
            ("169.254.169.254", false),
            ("172.31.255.255", false),
            ("192.0.0.192", false),
            ("192.168.1.1", false),
            ("198.18.0.1", false),
            ("203.0.113.7", false),
            ("224.0.0.1", false),
            ("255.255.255.255", false),
            ("::", false),
            ("::1", false),
            ("::ffff:1.1.1.1", false),
            ("64:ff9b::a9fe:a9fe", false),
            ("2001::1", false),
            ("2001:db8::1", false),
            ("2002:7f00:1::", false),
            ("fd00:ec2::254", false),
            ("fe80::1", false),
            ("ff02::1", false),
        ] {
            assert_eq!(is_within(Reach::Internet, text.parse().unwrap()), expected, "{text}");
        }
        for (text, expected) in [("127.0.0.1", true), ("::1", true), ("10.1.2.3", false), ("169.254.169.254", false)] {
            assert_eq!(is_within(Reach::ThisMachineToo, text.parse().unwrap()), expected, "{text}");
        }
    }

    async fn neighbour() -> SocketAddr {
        let said = async |headers: HeaderMap, body: String| {
            let signature = headers["x-zhanggui-signature"].to_str().unwrap().to_owned();
            (StatusCode::IM_A_TEAPOT, format!("{signature} {body}"))
        };
        let neighbours = Router::new()
            .route("/hook", post(said))
            .route("/away", post(async || Redirect::temporary("/hook").into_response()))
            .route("/long", post(async || "界".repeat(100_000)))
            .route("/slow", post(async || tokio::time::sleep(PATIENCE * 2).await));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, neighbours).await });
        address
    }

    fn letter(url: String) -> Letter {
        Letter { url, headers: vec![("X-Zhanggui-Signature", "v1=07".to_owned())], body: "{}".to_owned() }
    }

    #[tokio::test]
    async fn a_letter_arrives_and_the_answer_comes_back() {
        let (address, courier) = (neighbour().await, HttpCourier::new(Reach::ThisMachineToo).unwrap());
        for host in [address.to_string(), format!("localhost:{}", address.port())] {
            let outcome = courier.deliver(&letter(format!("http://{host}/hook"))).await;
            assert_eq!(outcome, Outcome::Answered { status: 418, body: "v1=07 {}".to_owned() }, "{host}");
        }
        let away = courier.deliver(&letter(format!("http://{address}/away"))).await;
        assert!(matches!(away, Outcome::Answered { status: 307, .. }), "{away:?}");
        let Outcome::Answered { status: 200, body } = courier.deliver(&letter(format!("http://{address}/long"))).await
        else {
            panic!("no answer")
        };
        assert!(body.len() <= MOST_OF_AN_ANSWER + 2 && body.starts_with("界界"), "{}", body.len());
    }

    #[tokio::test]
    async fn neighbours_are_not_reached() {
        let (address, port) = (neighbour().await, 443);
        let courier = HttpCourier::new(Reach::Internet).unwrap();
        let plain = courier.deliver(&letter(format!("http://{address}/hook"))).await;
        assert!(matches!(plain, Outcome::NoAnswer { .. }), "{plain:?}");
        for host in ["127.0.0.1", "localhost", "[::1]", "2130706433", "0x7f.1", "169.254.169.254", "[::ffff:10.0.0.1]"]
        {
            let outcome = courier.deliver(&letter(format!("https://{host}:{port}/hook"))).await;
            assert_eq!(outcome, Outcome::NoAnswer { reason: NOT_PUBLIC.to_owned() }, "{host}");
        }
    }
}

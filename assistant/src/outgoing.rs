//! The HTTP clients with which this program asks others.

use crate::trouble::Trouble;
use reqwest::{Certificate, Client, ClientBuilder};
use std::sync::Once;
use std::time::Duration;

/// A client that goes where it is told and nowhere else: no proxy, no redirects. It trusts the authorities that browsers
/// trust, on a machine without a list of its own, too, and those of the machine beside them.
pub(crate) fn client() -> ClientBuilder {
    static TLS: Once = Once::new();
    // Whoever was first has chosen the same.
    TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let known = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
    let roots = known.filter_map(|root| Certificate::from_der(root).ok());
    Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).tls_certs_merge(roots)
}

/// One that waits so long for an answer.
pub(crate) fn patient(patience: Duration) -> Result<Client, Trouble> {
    built(client().timeout(patience))
}

pub(crate) fn built(client: ClientBuilder) -> Result<Client, Trouble> {
    client.build().map_err(|error| Trouble::say(format!("no HTTP client can be made: {error}; look at the system")))
}

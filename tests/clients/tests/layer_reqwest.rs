//! Tests the layer of breaker-tower before `reqwest::Client`, and its middleware.
//!
//! All of it runs with both versions of reqwest.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::duplicate_mod, reason = "one file is compiled for each version")]

mod web;

#[path = "layer_reqwest"]
mod reqwest_0_12 {
    use ::reqwest_0_12 as reqwest;
    use ::reqwest_middleware_0_4 as reqwest_middleware;

    /// This build of it has no TLS.
    fn builder() -> reqwest::ClientBuilder {
        reqwest::Client::builder().no_proxy()
    }

    mod layer;
    mod middleware;
}

#[path = "layer_reqwest"]
mod reqwest_0_13 {
    use ::{reqwest, reqwest_middleware};

    /// A client that uses no certificates of the system.
    fn builder() -> reqwest::ClientBuilder {
        reqwest::Client::builder().no_proxy().tls_backend_preconfigured(crate::web::tls())
    }

    mod layer;
    mod middleware;
    mod retries;
}

use breaker_servers::port_to_serve;
use web::http1::{Http1, Reply};

/// Not a test by itself: the process that other tests kill and freeze.
#[tokio::test]
async fn serves() {
    if let Some(port) = port_to_serve() {
        let _server = Http1::on(port, Reply::ok()).await;
        std::future::pending::<()>().await;
    }
}

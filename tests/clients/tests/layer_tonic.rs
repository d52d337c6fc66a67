//! Tests the layer of breaker-tower before real gRPC clients, with each version of tonic.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::duplicate_mod, reason = "one file is compiled for each version")]

mod web;

#[path = "layer_tonic"]
mod tonic_0_12 {
    use ::tonic_0_12 as tonic;
    use tonic::body::BoxBody as RequestBody;

    mod client;
    mod outages;
    mod statuses;
    mod streams;
}

#[path = "layer_tonic"]
mod tonic_0_13 {
    use ::tonic_0_13 as tonic;
    use tonic::body::Body as RequestBody;

    mod client;
    mod outages;
    mod statuses;
    mod streams;
}

#[path = "layer_tonic"]
mod tonic_0_14 {
    use ::tonic;
    use tonic::body::Body as RequestBody;

    mod client;
    mod outages;
    mod statuses;
    mod streams;
}

use breaker_servers::port_to_serve;
use tonic::transport::Server;
use web::grpc::{Behaving, Grpc};

/// Not a test by itself: the process that other tests kill and freeze.
#[tokio::test]
async fn serves() {
    if let Some(port) = port_to_serve() {
        let _server = Grpc::of(port, Server::builder().add_service(Behaving)).await;
        std::future::pending::<()>().await;
    }
}

//! Tests what reqwest without TLS says of an address that needs it.
//!
//! It has to be built without the packages that turn TLS on: `cargo test -p breaker-core`.

use breaker_core::{Classify as _, Outcome};

/// An address where nothing listens.
const ADDRESS: &str = "https://127.0.0.1:1/";

#[tokio::test]
async fn it_is_ignored_for_reqwest_0_12() {
    let client = reqwest_0_12::Client::builder().no_proxy().build().expect("it needs nothing");
    let error = client.get(ADDRESS).send().await.expect_err("there is no TLS");
    assert!(error.is_connect() && format!("{error:?}").contains("scheme is not http"), "{error:?}");
    assert_eq!(error.classify(), Outcome::ignored());
}

#[tokio::test]
async fn it_is_ignored_for_reqwest_0_13() {
    let client = reqwest_0_13::Client::builder().no_proxy().build().expect("it needs nothing");
    let error = client.get(ADDRESS).send().await.expect_err("there is no TLS");
    assert!(error.is_connect() && format!("{error:?}").contains("scheme is not http"), "{error:?}");
    assert_eq!(error.classify(), Outcome::ignored());
}

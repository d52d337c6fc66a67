//! The ready-made rules for reqwest, asked of what each version of it gives over a real connection.
#![allow(clippy::unwrap_used, reason = "a test may")]
#![allow(clippy::duplicate_mod, reason = "one file is compiled for each version")]

mod common;
#[path = "common/http.rs"]
mod http_server;
#[path = "common/tls.rs"]
mod tls;

#[path = "http_presets"]
mod reqwest_0_12 {
    use ::reqwest_0_12 as reqwest;

    mod version;
}

#[path = "http_presets"]
mod reqwest_0_13 {
    use ::reqwest;

    mod version;
}

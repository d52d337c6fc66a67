//! Pages on one subject each. This module has no code.
//!
//! To add a page, write `docs/guide/NAME.md` and add its row here. Link it from `README.md` and
//! `lib.rs`. Add its line to the test crate that runs its examples. That is `tests/src/lib.rs`, or
//! `tests/clients/src/lib.rs` for a page that needs a client.

/// Shows each page of `docs/guide` as a module. The definitions of links come first, and a page's
/// own ones after them. So a label leads to a module here, and to a file in a checkout. A page with
/// a picture has its label and the file with its embedded form (`scripts/guide-picture`).
macro_rules! pages {
    ($($page:ident: $summary:literal $([$picture:literal: $file:literal])?;)*) => {$(
        #[doc = $summary]
        ///
        /// [circuit_breaker]: macro@crate::circuit_breaker
        /// [calls_within_calls]: macro@crate::circuit_breaker#calls-within-calls
        /// [fallback]: macro@crate::fallback
        /// [retry]: macro@crate::retry
        /// [classify]: derive@crate::Classify
        /// [presets]: mod@crate::presets
        /// [versions]: mod@crate::presets#versions
        /// [getting_started]: mod@crate::_guide::getting_started
        /// [failures]: mod@crate::_guide::failures
        /// [settings]: mod@crate::_guide::settings
        /// [reference]: mod@crate::_guide::reference
        /// [fallbacks]: mod@crate::_guide::fallbacks
        /// [retries]: mod@crate::_guide::retries
        /// [configuration]: mod@crate::_guide::configuration
        /// [keys]: mod@crate::_guide::keys
        /// [bulkhead]: mod@crate::_guide::bulkhead
        /// [nested_calls]: mod@crate::_guide::nested_calls
        /// [one_function]: mod@crate::_guide::configuration#one-function
        /// [clients]: mod@crate::_guide::clients
        /// [clients_databases]: mod@crate::_guide::clients_databases
        /// [clients_redis]: mod@crate::_guide::clients_redis
        /// [clients_http]: mod@crate::_guide::clients_http
        /// [clients_aws]: mod@crate::_guide::clients_aws
        /// [clients_messaging]: mod@crate::_guide::clients_messaging
        /// [clients_layers]: mod@crate::_guide::clients_layers
        /// [streams]: mod@crate::_guide::streams
        /// [testing]: mod@crate::_guide::testing
        /// [operating]: mod@crate::_guide::operating
        /// [troubleshooting]: mod@crate::_guide::troubleshooting
        /// [opens_too_early]: mod@crate::_guide::troubleshooting#it-opens-too-early
        /// [stays_half_open]: mod@crate::_guide::troubleshooting#it-stays-half-open
        /// [dashboard]: mod@crate::_guide::dashboard
        /// [libraries]: mod@crate::_guide::libraries
        /// [without_axum]: mod@crate::_guide::without_axum
        /// [another_port]: mod@crate::_guide::without_axum#serve-the-dashboard-on-another-port
        /// [migrating]: mod@crate::_guide::migrating
        ///
        $(#[doc = concat!("[", $picture, "]: ", include_str!(concat!("../guide/", $file)))])?
        #[doc = include_str!(concat!("../guide/", stringify!($page), ".md"))]
        pub mod $page {}
    )*};
}

pages! {
    getting_started: "The first breaker: from an empty project to a fallback and a test.";
    failures: "What counts as a failure: errors, values and responses.";
    settings: "How to choose the settings of a breaker.";
    reference: "All settings in one table.";
    fallbacks: "What callers get while the dependency is down.";
    retries: "More than one attempt for one call.";
    configuration: "Settings from code, files and the environment.";
    keys: "One breaker per host, tenant or region.";
    bulkhead: "A limit of calls at once: `max_concurrent`.";
    nested_calls: "Calls within calls of one breaker: what counts, and what a trial does.";
    clients: "The client under the breaker: what to set in it, and why.";
    clients_databases: "Settings of database clients and pools under a breaker.";
    clients_redis: "Settings of Redis clients under a breaker.";
    clients_http: "Settings of reqwest, hyper, tonic and ureq under a breaker.";
    clients_aws: "Settings of the AWS SDK under a breaker.";
    clients_messaging: "Settings of NATS, AMQP and MQTT clients under a breaker.";
    clients_layers: "A breaker before a client that is a tower service: tonic, hyper, reqwest, AWS.";
    streams: "Calls that last as long as their stream, and LLM APIs.";
    testing: "Tests of a service with breakers: new suites and existing ones.";
    operating: "Logs, metrics, health, alerts and a drill.";
    troubleshooting: "A breaker does not do what you expect: symptoms and causes.";
    dashboard: "A live page of all breakers." ["dashboard_light": "dashboard_picture.txt"];
    libraries: "How a library crate guards its calls.";
    without_axum: "Replies, health and metrics of a service without axum.";
    migrating: "From failsafe, tower-resilience, resilience4j, Polly or pybreaker.";
}

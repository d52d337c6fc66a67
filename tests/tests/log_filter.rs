//! What `init` says when the subscriber filters the library's lines out. One test, since it sets
//! several subscribers.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{ConfigErrorKind, Registry, Report, Strict};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;

fn init(filter: Targets) -> Report {
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
    let subscriber = tracing_subscriber::registry().with(filter).with(layer);
    tracing::subscriber::with_default(subscriber, || Registry::new().load_env_from([("", ""); 0]).strict().unwrap())
}

fn told(report: &Report) -> String {
    report.warnings().iter().map(ToString::to_string).collect()
}

#[test]
fn log_lines_that_are_filtered_out_are_told_with_what_to_add() {
    let none = Registry::new().load_env_from([("", ""); 0]).unwrap();
    assert_eq!(told(&none), "", "nobody has set a subscriber");
    let quiet = Targets::new().with_default(LevelFilter::ERROR);
    let report = init(quiet.clone());
    assert_eq!(report.warnings()[0].kind(), ConfigErrorKind::Logs, "and no error of `strict`");
    let text = told(&report);
    for part in
        ["targets `breaker_core::log` and `breaker_core::configuration`,", "add `breaker_core=info` to the filter"]
    {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(told(&init(quiet.clone().with_target("breaker_core", LevelFilter::INFO))), "");
    assert_eq!(told(&init(Targets::new().with_default(LevelFilter::WARN))), "");
    let calls_only = told(&init(quiet.clone().with_target("breaker_core::log", LevelFilter::INFO)));
    assert!(calls_only.contains("target `breaker_core::configuration`,"), "{calls_only}");
    let settings_only = told(&init(quiet.with_target("breaker_core::configuration", LevelFilter::INFO)));
    assert!(settings_only.contains("target `breaker_core::log`,"), "{settings_only}");
}

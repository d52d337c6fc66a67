//! Alerts: the series in `dashboards/alerts.test.yml` are those that breakers export in an outage.
//! `promtool` holds the rules against them, and would not notice series that no breaker makes.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CircuitBreakerError, Registry, circuit_breaker, testing};
use common::{ms, secs};
use metrics::set_default_local_recorder;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::fmt::Write as _;
use std::time::Duration;
use tokio::time::{Instant, advance};

/// The time between two scrapes, as in the file.
const SCRAPE: Duration = secs(15);
/// For how long each outage is watched.
const WATCHED: Duration = secs(20 * 60);
/// The metrics that the rules ask for, with the outcomes of those that have them.
const SERIES: [(&str, &str); 8] = [
    ("circuit_breaker_state", ""),
    ("circuit_breaker_critical", ""),
    ("circuit_breaker_members_unhealthy", ""),
    ("circuit_breaker_openings_total", ""),
    ("circuit_breaker_outages_total", ""),
    ("circuit_breaker_calls_total", "success"),
    ("circuit_breaker_calls_total", "failure"),
    ("circuit_breaker_calls_total", "rejected"),
];

#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error("{0}")]
    Open(#[from] CircuitBreakerError),
    #[error("refused")]
    Refused,
}

#[circuit_breaker(name = "api")]
async fn api(works: bool) -> Result<(), ApiError> {
    if works { Ok(()) } else { Err(ApiError::Refused) }
}

#[circuit_breaker(name = "api_of_host", key = host)]
async fn api_of_host(host: &str, works: bool) -> Result<(), ApiError> {
    if works && !host.is_empty() { Ok(()) } else { Err(ApiError::Refused) }
}

/// A dependency, and how often it is called.
struct Story {
    /// The one in the file.
    test: &'static str,
    breaker: &'static str,
    /// The values of its `key`, if it has one.
    hosts: &'static [&'static str],
    pause: Duration,
    /// Whether a host works, so long after the beginning.
    works: fn(&str, Duration) -> bool,
}

/// It fails after a minute, and does not come back.
fn dies(_: &str, at: Duration) -> bool {
    at < secs(60)
}

/// It works for long enough that a trial succeeds, and then fails again.
fn wavers(_: &str, at: Duration) -> bool {
    at.as_secs() % 120 < 60
}

/// All but the last die.
fn last_wavers(host: &str, at: Duration) -> bool {
    if host == HOSTS[6] { wavers(host, at) } else { dies(host, at) }
}

const HOSTS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

const STORIES: [Story; 5] = [
    Story { test: "an outage at 100 calls a second", breaker: "api", hosts: &[], pause: ms(10), works: dies },
    Story { test: "an outage at a call a minute", breaker: "api", hosts: &[], pause: secs(60), works: dies },
    Story {
        test: "an outage of six keyed breakers",
        breaker: "api_of_host",
        hosts: &[HOSTS[0], HOSTS[1], HOSTS[2], HOSTS[3], HOSTS[4], HOSTS[5]],
        pause: ms(100),
        works: dies,
    },
    Story {
        test: "a value of a key that opens and closes beside six that are dead",
        breaker: "api_of_host",
        hosts: &HOSTS,
        pause: ms(100),
        works: last_wavers,
    },
    Story { test: "a service that opens and closes", breaker: "api", hosts: &[], pause: ms(100), works: wavers },
];

#[tokio::test(start_paused = true)]
async fn the_outages_that_the_alerts_are_tested_with_are_what_breakers_export() {
    let file = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../dashboards/alerts.test.yml")).unwrap();
    let mut missing = String::new();
    for story in STORIES {
        let block = format!("  - name: {}\n    interval: 15s\n    input_series:\n{}", story.test, watch(&story).await);
        if !file.contains(&block) {
            missing.push_str(&block);
        }
    }
    assert!(missing.is_empty(), "dashboards/alerts.test.yml does not have\n{missing}");
}

/// What a Prometheus sees of this story, as promtool writes it.
async fn watch(story: &Story) -> String {
    testing::isolated(async {
        let recorder = PrometheusBuilder::new().build_recorder();
        let _installed = set_default_local_recorder(&recorder);
        Registry::global().export_metrics();
        let begun = Instant::now();
        let (mut next_call, mut next_scrape) = (Duration::ZERO, Duration::ZERO);
        let mut seen = vec![Vec::new(); SERIES.len()];
        while begun.elapsed() < WATCHED {
            let now = begun.elapsed();
            if now >= next_call {
                call(story, now).await;
                next_call += story.pause;
            }
            if now >= next_scrape {
                Registry::global().refresh_metrics();
                let text = recorder.handle().render();
                seen.iter_mut().zip(SERIES).for_each(|(seen, series)| seen.push(sample(&text, story.breaker, series)));
                next_scrape += SCRAPE;
            }
            advance(next_call.min(next_scrape) - now).await;
        }
        written(story.breaker, &seen)
    })
    .await
}

async fn call(story: &Story, at: Duration) {
    if story.hosts.is_empty() {
        let _ = api((story.works)("", at)).await;
    }
    for host in story.hosts {
        let _ = api_of_host(host, (story.works)(host, at)).await;
    }
}

fn labels(breaker: &str, outcome: &str, between: &str) -> String {
    let outcome = if outcome.is_empty() { String::new() } else { format!(r#",outcome="{outcome}""#) };
    format!(r#"{{breaker="{breaker}"{between}{outcome}}}"#)
}

fn sample(text: &str, breaker: &str, (name, outcome): (&str, &str)) -> u64 {
    let series = format!("{name}{} ", labels(breaker, outcome, ""));
    let line = text.lines().find_map(|line| line.strip_prefix(&series));
    line.unwrap_or_else(|| panic!("no {series}in\n{text}")).parse().unwrap()
}

fn written(breaker: &str, seen: &[Vec<u64>]) -> String {
    SERIES.iter().zip(seen).fold(String::new(), |mut yaml, ((name, outcome), samples)| {
        let labels = labels(breaker, outcome, r#",instance="a:1",job="s""#);
        write!(yaml, "      - series: {name}{labels}\n        values: >-\n{}", wrapped(&steps(samples))).unwrap();
        yaml
    })
}

/// Samples as promtool writes them: `5` once, `5x2` three times, `5+1x2` as 5, 6, 7.
fn steps(samples: &[u64]) -> Vec<String> {
    let (mut words, mut rest) = (Vec::new(), samples);
    while let [first, others @ ..] = rest {
        let step = others.first().map_or(0, |next| next - first.min(next));
        let goes_on = |n: &usize| rest[*n] == rest[n - 1] + step;
        let more = (1..rest.len()).take_while(goes_on).count();
        words.push(match (more, step) {
            (0, _) => first.to_string(),
            (_, 0) => format!("{first}x{more}"),
            _ => format!("{first}+{step}x{more}"),
        });
        rest = &rest[more + 1..];
    }
    words
}

/// Lines of a YAML text.
fn wrapped(words: &[String]) -> String {
    let mut text = String::new();
    let mut room = 0;
    for word in words {
        if word.len() + 1 > room {
            text.push_str(if text.is_empty() { "         " } else { "\n         " });
            room = 90;
        }
        text.push(' ');
        text.push_str(word);
        room -= word.len() + 1;
    }
    text.push('\n');
    text
}

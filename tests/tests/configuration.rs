//! Configuration: the layers, every spelling, and an error for every mistake.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{Backoff, Config, ConfigError, ConfigErrorKind, OnCancel, Registry, Source, State, Window};
use common::{fail, secs};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const NONE: [(&str, &str); 0] = [];

/// A registry with the breaker `huggingface_api`, and what `init` says with these variables.
fn init(variables: &[(&str, &str)]) -> (Registry, Vec<String>) {
    let registry = Registry::new();
    registry.load_env_from(NONE).unwrap();
    registry.breaker("huggingface_api", Config::new().fail_max(5)).unwrap();
    let problems = match registry.load_env_from(variables.iter().copied()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    (registry, problems)
}

fn one_problem(variable: &str, value: &str) -> String {
    let (registry, problems) = init(&[(variable, value)]);
    assert_eq!(problems.len(), 1, "{problems:#?}");
    let settings = registry.get("huggingface_api").unwrap().settings();
    assert_eq!((settings.fail_max, settings.recovery_timeout), (Some(5), secs(30)), "the attribute's values stand");
    problems.into_iter().next().unwrap()
}

#[test]
fn each_bad_value_is_told_with_its_variable_its_value_and_what_was_expected() {
    for value in ["banana", "0", "-1", "4294967296", "1.5", ""] {
        assert_eq!(
            one_problem("HUGGINGFACE_API_CIRCUIT_FAIL_MAX", value),
            format!("HUGGINGFACE_API_CIRCUIT_FAIL_MAX: is `{value}`, expected a whole number of 1 or more, or \"off\"")
        );
    }
    for value in ["5parsecs", "-1s", "-1", "inf", "soon"] {
        assert_eq!(
            one_problem("HUGGINGFACE_API_CIRCUIT_RECOVERY_TIMEOUT", value),
            format!(
                "HUGGINGFACE_API_CIRCUIT_RECOVERY_TIMEOUT: is `{value}`, expected a duration such as \"30s\" (a bare \
                 number is seconds)"
            )
        );
    }
    assert_eq!(
        one_problem("CIRCUIT_BREAKER_FAIL_WINDOW", "0s"),
        "CIRCUIT_BREAKER_FAIL_WINDOW: is `0s`, expected a duration above zero such as \"60s\", or \"off\" (a bare \
         number is seconds)"
    );
    assert_eq!(
        one_problem("HUGGINGFACE_API_CIRCUIT_ENABLED", "maybe"),
        "HUGGINGFACE_API_CIRCUIT_ENABLED: is `maybe`, expected true or false"
    );
}

#[test]
fn an_unknown_key_of_a_known_breaker_is_an_error_with_the_nearest_one() {
    for spelling in ["FAIL_MX", "FAIL_MXA"] {
        let variable = format!("HUGGINGFACE_API_CIRCUIT_{spelling}");
        assert_eq!(
            one_problem(&variable, "3"),
            format!("{variable}: there is no key `{spelling}`; did you mean `HUGGINGFACE_API_CIRCUIT_FAIL_MAX`?")
        );
    }
    assert!(one_problem("HUGGINGFACE_API_CIRCUIT_COLOUR", "red").contains("there are `FAIL_MAX`, `FAIL_WINDOW`"));
}

#[test]
fn a_bare_timeout_is_refused_with_both_meanings() {
    for (variable, start) in [
        ("HUGGINGFACE_API_CIRCUIT_TIMEOUT", "HUGGINGFACE_API_CIRCUIT_"),
        ("CIRCUIT_BREAKER_TIMEOUT", "CIRCUIT_BREAKER_"),
    ] {
        let problem = one_problem(variable, "5");
        assert!(problem.starts_with(&format!("{variable}: `TIMEOUT` can mean two things")), "{problem}");
        assert!(problem.contains(&format!("{start}CALL_TIMEOUT")), "{problem}");
        assert!(problem.contains(&format!("{start}RECOVERY_TIMEOUT")), "{problem}");
    }
}

#[test]
fn two_spellings_of_one_key_at_one_level_are_an_error_and_neither_is_obeyed() {
    let (registry, problems) =
        init(&[("HUGGINGFACE_API_CIRCUIT_FAIL_MAX", "7"), ("HUGGINGFACE_API_CIRCUIT_FAILURE_THRESHOLD", "8")]);
    assert_eq!(
        problems,
        [
            "HUGGINGFACE_API_CIRCUIT_FAILURE_THRESHOLD and HUGGINGFACE_API_CIRCUIT_FAIL_MAX: both set `fail_max`, so neither applies; keep one of them"
        ]
    );
    assert_eq!(registry.get("huggingface_api").unwrap().settings().fail_max, Some(5));
    let (registry, problems) =
        init(&[("CIRCUIT_BREAKER_FAIL_MAX", "7"), ("HUGGINGFACE_API_CIRCUIT_FAILURE_THRESHOLD", "8")]);
    assert_eq!(problems, Vec::<String>::new(), "two levels");
    assert_eq!(registry.get("huggingface_api").unwrap().settings().fail_max, Some(8));
}

#[test]
fn init_returns_every_problem_at_once_and_what_is_right_is_in_force() {
    let (registry, problems) = init(&[
        ("HUGGINGFACE_API_CIRCUIT_FAIL_MAX", "banana"),
        ("HUGGINGFACE_API_CIRCUIT_FAIL_WIDOW", "5"),
        ("CIRCUIT_BREAKER_RECOVERY_TIMEOUT", "5parsecs"),
        ("CIRCUIT_BREAKER_TIMEOUT", "5"),
        ("HUGGINGFACE_API_CIRCUIT_SUCCESS_THRESHOLD", "4"),
    ]);
    assert_eq!(problems.len(), 4, "{problems:#?}");
    assert_eq!(registry.get("huggingface_api").unwrap().settings().success_threshold, 4);
    let errors =
        registry.load_env_from([("CIRCUIT_BREAKER_FAIL_MAX", "x"), ("CIRCUIT_BREAKER_TIMEOUT", "5")]).unwrap_err();
    assert_eq!((errors.len(), errors.to_string().lines().count()), (2, 2));
    assert_eq!(errors.iter().map(ConfigError::kind).collect::<Vec<_>>()[1], ConfigErrorKind::Value);
}

#[test]
fn every_key_is_read_from_the_environment() {
    let (registry, problems) = init(&[
        ("HUGGINGFACE_API_CIRCUIT_FAIL_MAX", " 7 "),
        ("HUGGINGFACE_API_CIRCUIT_FAIL_WINDOW", "off"),
        ("HUGGINGFACE_API_CIRCUIT_RECOVERY_TIMEOUT", "1m 30s"),
        ("HUGGINGFACE_API_CIRCUIT_HALF_OPEN_MAX_CALLS", "2"),
        ("HUGGINGFACE_API_CIRCUIT_SUCCESS_THRESHOLD", "3"),
        ("HUGGINGFACE_API_CIRCUIT_PROBE_TIMEOUT", "0.5"),
        ("HUGGINGFACE_API_CIRCUIT_FAILURE_RATE", "0.25"),
        ("HUGGINGFACE_API_CIRCUIT_SLOW_CALL_DURATION", "2"),
        ("HUGGINGFACE_API_CIRCUIT_SLOW_CALL_RATE", "1"),
        ("HUGGINGFACE_API_CIRCUIT_WINDOW_FAIL_MAX", "30"),
        ("HUGGINGFACE_API_CIRCUIT_WINDOW", "200"),
        ("HUGGINGFACE_API_CIRCUIT_MIN_CALLS", "20"),
        ("HUGGINGFACE_API_CIRCUIT_BACKOFF", "factor=1.5, max=5m"),
        ("HUGGINGFACE_API_CIRCUIT_PROBE_COUNT", "4"),
        ("HUGGINGFACE_API_CIRCUIT_PROBE_FAILURE_RATE", "0.5"),
        ("HUGGINGFACE_API_CIRCUIT_RAMP", "1m"),
        ("HUGGINGFACE_API_CIRCUIT_CALL_TIMEOUT", "20"),
        ("HUGGINGFACE_API_CIRCUIT_MAX_CONCURRENT", "256"),
        ("HUGGINGFACE_API_CIRCUIT_ON_CANCEL", "2s"),
        ("HUGGINGFACE_API_CIRCUIT_ON_PANIC", "Ignore"),
        ("HUGGINGFACE_API_CIRCUIT_CRITICAL", "yes"),
        ("HUGGINGFACE_API_CIRCUIT_ENABLED", "false"),
        ("HUGGINGFACE_API_CIRCUIT_NAME", "Hugging Face"),
    ]);
    assert_eq!(problems, Vec::<String>::new());
    let breaker = registry.get("huggingface_api").unwrap();
    assert_eq!(
        breaker.settings().to_string(),
        "fail_max 7, fail_window off, recovery_timeout 1m 30s, half_open_max_calls 2, success_threshold 3, \
         probe_timeout 500ms, failure_rate 0.25, slow_call_duration 2s, slow_call_rate 1, window_fail_max 30, window 200 calls, \
         min_calls 20, backoff factor=1.5, max=5m, jitter=0.1, probe_count 4, probe_failure_rate 0.5, ramp 1m, \
         timeout 20s, max_concurrent 256, on_cancel 2s, on_panic ignore, critical true, max_keys 10000, \
         enabled false"
    );
    assert_eq!(breaker.settings().on_cancel, OnCancel::After(secs(2)));
    assert_eq!((breaker.state(), breaker.label().as_str()), (State::Disabled, "Hugging Face"));
    assert_eq!(breaker.name(), "huggingface_api");
}

#[test]
fn a_label_without_a_prefix_needs_a_single_breaker() {
    let (registry, problems) = init(&[("CIRCUIT_BREAKER_NAME", "the api")]);
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(registry.get("huggingface_api").unwrap().label(), "the api");
    registry.breaker("second", Config::new()).unwrap();
    let problems = registry.load_env_from([("CIRCUIT_BREAKER_NAME", "the api")]).unwrap_err();
    assert_eq!(
        problems.to_string(),
        "CIRCUIT_BREAKER_NAME: names one circuit breaker, but there are 2; write <NAME>_CIRCUIT_NAME for one of them"
    );
    assert_eq!(registry.get("huggingface_api").unwrap().label(), "huggingface_api");
}

#[test]
fn a_prefix_of_another_breaker_takes_no_variables_of_the_longer_one() {
    let registry = Registry::new();
    registry.load_env_from(NONE).unwrap();
    registry.breaker("api", Config::new()).unwrap();
    registry.breaker("api_circuit_two", Config::new()).unwrap();
    registry.breaker("mirror", Config::new().env_prefix("HF")).unwrap();
    registry.load_env_from([("API_CIRCUIT_TWO_CIRCUIT_FAIL_MAX", "9"), ("HF_CIRCUIT_FAIL_MAX", "8")]).unwrap();
    assert_eq!(registry.get("api").unwrap().settings().fail_max, Some(5));
    assert_eq!(registry.get("api_circuit_two").unwrap().settings().fail_max, Some(9));
    assert_eq!(registry.get("mirror").unwrap().settings().fail_max, Some(8), "by its `env_prefix` key");
}

#[test]
fn two_declarations_join_their_keys_and_contradictions_are_told_with_both_places() {
    let registry = Registry::new();
    registry.load_env_from(NONE).unwrap();
    registry.breaker("shared", Config::new().fail_max(3)).unwrap();
    registry.breaker("shared", Config::new().recovery_timeout(secs(7))).unwrap();
    let breaker = registry.breaker("shared", Config::new().fail_max(4).critical(true)).unwrap();
    let settings = breaker.settings();
    assert_eq!((settings.fail_max, settings.recovery_timeout, settings.critical), (Some(3), secs(7), true));
    let problems = registry.load_env_from(NONE).unwrap_err();
    let text = problems.to_string();
    assert_eq!(problems.len(), 1, "{text}");
    let here = file!();
    assert!(text.starts_with(&format!("circuit breaker `shared`: `fail_max` is 3 at {here}:")), "{text}");
    assert!(text.contains(&format!("and 4 at {here}:")), "{text}");
}

#[test]
fn the_later_layer_wins_and_a_snapshot_says_where_each_value_came_from() {
    let registry = Registry::new();
    let file = file("layers", "[all]\nfail_max = 30\ncritical = true\n[breakers.api]\nfail_max = 40\n");
    registry.load_env_from([("CIRCUIT_BREAKER_SUCCESS_THRESHOLD", "5")]).unwrap();
    let breaker = registry.breaker("api", Config::new().fail_max(10).half_open_max_calls(2)).unwrap();
    let value_and_source = || {
        let source = breaker.setting_sources().into_iter().find(|(key, _)| *key == "fail_max").unwrap().1;
        (breaker.settings().fail_max, source)
    };
    assert_eq!(value_and_source(), (Some(10), Source::Attribute));
    registry.set_config("api", Config::new().fail_max(20)).unwrap();
    assert_eq!(value_and_source(), (Some(20), Source::SetConfig));
    registry.load_file(&file).unwrap();
    assert_eq!(value_and_source(), (Some(40), Source::File(file.display().to_string())));
    registry.load_env_from([("CIRCUIT_BREAKER_FAIL_MAX", "50"), ("CIRCUIT_BREAKER_SUCCESS_THRESHOLD", "5")]).unwrap();
    assert_eq!(value_and_source(), (Some(50), Source::Environment("CIRCUIT_BREAKER_FAIL_MAX".to_owned())));
    breaker.reconfigure(Config::new().fail_max(60)).unwrap();
    assert_eq!(value_and_source(), (Some(60), Source::Reconfigure));
    let json = serde_json::to_value(breaker.snapshot()).unwrap();
    assert_eq!(json["config"]["fail_max"], 60);
    assert_eq!(json["config_sources"]["fail_max"], "reconfigure");
    assert_eq!(json["config_sources"]["recovery_timeout"], "default");
    assert_eq!(json["config_sources"]["half_open_max_calls"], "attribute");
    assert_eq!(json["config_sources"]["success_threshold"], "environment CIRCUIT_BREAKER_SUCCESS_THRESHOLD");
    assert_eq!(json["config_sources"]["critical"], format!("file {}", file.display()));
}

#[test]
fn configure_and_load_may_come_before_the_breaker() {
    let registry = Registry::new();
    registry.load_env_from(NONE).unwrap();
    registry.set_config("later", Config::new().fail_max(8)).unwrap();
    registry.load_file(file("before", "[breakers.later]\nrecovery_timeout = \"9s\"\nfail_window = 5\n")).unwrap();
    let settings = registry.breaker("later", Config::new().fail_max(1)).unwrap().settings();
    assert_eq!((settings.fail_max, settings.recovery_timeout), (Some(8), secs(9)));
    assert_eq!(settings.fail_window, Some(secs(5)), "a bare number is seconds");
}

#[test]
fn a_bad_file_is_refused_whole_with_every_problem() {
    let registry = Registry::new();
    registry.load_env_from(NONE).unwrap();
    let breaker = registry.breaker("api", Config::new()).unwrap();
    let path = file(
        "bad",
        "[defaults]\nfail_max = 0\nsuccess_threshold = 9\n[breakers.api]\nrecovery_tmeout = \"5s\"\n\
         failure_threshold = 3\nslow_call = \"2s\"\nslow_rate = 1\nprobe_window = 4\ntimeout = [1]\n\
         reset_timeout = 5\ncall_timeout = 3\n[breaker.api]\nfail_max = 1\n",
    );
    let problems: Vec<_> = registry.load_file(&path).unwrap_err().iter().map(ToString::to_string).collect();
    let at = |rest: &str| format!("{}: {rest}", path.display());
    let expected = [
        at("defaults.fail_max: is `0`, expected a whole number of 1 or more, or \"off\""),
        at("breakers.api.recovery_tmeout: there is no key `recovery_tmeout`; did you mean `recovery_timeout`?"),
        at("breakers.api.failure_threshold: there is no key `failure_threshold`; write `fail_max`"),
        at("breakers.api.probe_window: there is no key `probe_window`; write `probe_count`"),
        at(
            "breakers.api.timeout: is `array`, expected a duration above zero such as \"30s\", or \"off\" (a bare number is seconds)",
        ),
        at("breakers.api.slow_call: there is no key `slow_call`; write `slow_call_duration`"),
        at("breakers.api.slow_rate: there is no key `slow_rate`; write `slow_call_rate`"),
        at(
            "breakers.api.reset_timeout: there is no key `reset_timeout`; write `recovery_timeout` (how long the breaker \
             stays open) or `fail_window` (the longest time between two consecutive failures)",
        ),
        at("breakers.api.call_timeout: there is no key `call_timeout`; write `timeout`"),
        at("breaker: there is no table `breaker`; did you mean `breakers`?"),
    ];
    assert_eq!(problems.len(), expected.len(), "{problems:#?}");
    for line in expected {
        assert!(problems.contains(&line), "missing {line}\nin {problems:#?}");
    }
    assert_eq!(breaker.settings().success_threshold, 1, "nothing of it is in force");
    let syntax = registry.load_file(file("syntax", "[default\n")).unwrap_err();
    assert!(syntax.to_string().contains("is not TOML"), "{syntax}");
    let missing = registry.load_file("/nowhere/breakers.toml").unwrap_err().to_string();
    assert!(missing.starts_with("/nowhere/breakers.toml: cannot be read: "), "{missing}");
}

#[test]
fn a_registered_breaker_is_listed_and_obeys_the_environment() {
    let registry = Registry::new();
    registry.load_env_from([("OWN_CIRCUIT_FAIL_MAX", "2")]).unwrap();
    let own = breaker_core::CircuitBreaker::new("own", Config::new().fail_max(9)).unwrap();
    assert_eq!(own.settings().fail_max, Some(9));
    registry.register(&own).unwrap();
    registry.register(&own).unwrap();
    assert_eq!(own.settings().fail_max, Some(2));
    fail(&registry.get("own").unwrap(), 2);
    assert_eq!(own.state(), State::Open);
    let joined = registry.breaker("own", Config::new().success_threshold(3).fail_max(4)).unwrap().settings();
    assert_eq!((joined.success_threshold, joined.fail_max), (3, Some(2)), "its own keys stay");
    let conflict = registry.load_env_from([("OWN_CIRCUIT_FAIL_MAX", "2")]).unwrap_err().to_string();
    assert!(conflict.contains("`fail_max` is 9 at the registered breaker and 4 at tests/"), "{conflict}");
    let other = breaker_core::CircuitBreaker::new("own", Config::new()).unwrap();
    assert_eq!(
        registry.register(&other).unwrap_err().to_string(),
        "circuit breaker `own`: cannot be registered: another breaker has this name"
    );
}

#[test]
fn bad_settings_in_code_are_refused_with_their_place() {
    let registry = Registry::new();
    let error = registry.breaker("api", Config::new().fail_max(0)).unwrap_err();
    assert!(error.location().starts_with(file!()), "{error}");
    assert_eq!(error.message(), "`fail_max` is 0, expected a whole number of 1 or more, or \"off\"");
    assert!(registry.get("api").is_none());
    assert!(registry.breaker("", Config::new()).is_err());
    assert!(registry.set_config("api", Config::new().timeout(secs(0))).is_err());
    assert!(breaker_core::CircuitBreaker::new("x", Config::new().success_threshold(0)).is_err());
}

#[test]
fn policies_are_read_from_a_file_and_contradictions_in_it_are_told() {
    let registry = Registry::new();
    registry.load_env_from(NONE).unwrap();
    let breaker = registry.breaker("api", Config::new()).unwrap();
    let path = file(
        "policies",
        "[breakers.api]\nfailure_rate = 0.5\nslow_call_duration = \"2s\"\nslow_call_rate = 1\nwindow = 50\nmin_calls = 20\n\
         backoff = { factor = 3, max = \"5m\" }\nprobe_count = 4\nramp = \"30s\"\n",
    );
    registry.load_file(&path).unwrap();
    let settings = breaker.settings();
    assert_eq!((settings.failure_rate, settings.window, settings.min_calls), (Some(0.5), Window::Calls(50), 20));
    assert_eq!(settings.backoff, Some(Backoff::new().factor(3.0).max(secs(300))));
    assert_eq!((settings.slow_call_rate, settings.ramp), (1.0, Some(secs(30))));
    let json = serde_json::to_value(breaker.snapshot()).unwrap();
    let config = &json["config"];
    assert_eq!((&config["failure_rate"], &config["window"]), (&0.5.into(), &50.into()));
    assert_eq!((&config["backoff"]["factor"], &config["backoff"]["max_ms"]), (&3.0.into(), &300_000.into()));
    assert_eq!((&config["ramp_ms"], &config["probe_count"]), (&30_000.into(), &4.into()));
    assert_eq!(json["window"], serde_json::json!({"calls": 0, "failures": 0, "slow": 0}));
    let wrong = file("contradicts", "[all]\nwindow = \"60s\"\n[breakers.api]\nwindow = 10\nmin_calls = 11\n");
    assert_eq!(
        registry.load_file(&wrong).unwrap_err().to_string(),
        format!(
            "{}: breakers.api.min_calls: is `11`, expected at most the number of calls in `window`, else no rate is ever evaluated",
            wrong.display()
        )
    );
    assert_eq!(breaker.settings().window, Window::Calls(50), "nothing of it is in force");
}

#[test]
fn of_two_variables_that_contradict_each_other_one_is_left_out() {
    let registry = Registry::new();
    let breaker = registry.breaker("api", Config::new().failure_rate(0.5)).unwrap();
    let problems = registry
        .load_env_from([
            ("API_CIRCUIT_WINDOW", "20 calls"),
            ("API_CIRCUIT_MIN_CALLS", "30"),
            ("CIRCUIT_BREAKER_WINDOW", "1.5"),
            ("CIRCUIT_BREAKER_RAMP", "off"),
            ("CIRCUIT_BREAKER_FAILURE_RATE", "50"),
            ("CIRCUIT_BREAKER_BACKOFF", "factor=2, factor=3"),
        ])
        .unwrap_err();
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    let expected = [
        "CIRCUIT_BREAKER_BACKOFF: is `factor=2, factor=3`, expected \"on\", \"off\", or some of factor=2.0 (1 to 1000), max=10m (above \
         zero) and jitter=0.1 (0 to 1)",
        "CIRCUIT_BREAKER_FAILURE_RATE: is `50`, expected a share above 0 and at most 1 such as 0.5, or \"off\"",
        "CIRCUIT_BREAKER_WINDOW: is `1.5`, expected a number of calls from 1 to 1000000, or a duration above zero such as \"60s\"",
        "API_CIRCUIT_MIN_CALLS: is `30`, expected at most the number of calls in `window`, else no rate is ever evaluated",
    ];
    assert_eq!(problems, expected);
    assert_eq!((breaker.settings().window, breaker.settings().min_calls), (Window::Calls(20), 10));
    assert_eq!(breaker.settings().failure_rate, Some(0.5));
}

#[test]
fn a_reload_reads_file_and_variables_again_and_keeps_what_runs() {
    let registry = Registry::new();
    registry.load_env_from([("API_CIRCUIT_SUCCESS_THRESHOLD", "4")]).unwrap();
    let breaker = registry.breaker("api", Config::new().fail_max(9).failure_rate(1.0)).unwrap();
    let events = Arc::new(AtomicUsize::new(0));
    breaker.add_listener(Failures(Arc::clone(&events)));
    registry.reload().expect("without a file there is nothing to read but the variables");
    let path = file("reloaded", "[breakers.api]\nfail_max = 5\n");
    registry.load_file(&path).unwrap();
    fail(&breaker, 3);

    file("reloaded", "[breakers.api]\nfail_max = 4\nrecovery_timeout = \"9s\"\n");
    registry.reload().unwrap();
    assert_eq!((breaker.settings().fail_max, breaker.settings().recovery_timeout), (Some(4), secs(9)));
    assert_eq!(breaker.settings().success_threshold, 4, "variables that were given stay");
    let snapshot = breaker.snapshot();
    assert_eq!((snapshot.consecutive_failures, snapshot.window.unwrap().calls, snapshot.failure_count), (3, 3, 3));

    file("reloaded", "[breakers.api]\nfail_max = 1\nwindow = 0\n");
    let refused = registry.reload().unwrap_err().to_string();
    assert!(refused.contains("breakers.api.window: is `0`, expected a number of calls from 1 to 1000000"), "{refused}");
    assert_eq!((breaker.settings().fail_max, breaker.state()), (Some(4), State::Closed), "nothing of it is in force");

    fail(&breaker, 1);
    assert_eq!((breaker.state(), events.load(Ordering::Relaxed)), (State::Open, 4), "the listener is still there");
    file("reloaded", "[breakers.api]\n");
    registry.reload().unwrap();
    assert_eq!(
        (breaker.settings().fail_max, breaker.state()),
        (Some(9), State::Open),
        "a key that has gone falls to the code's"
    );
    std::fs::remove_file(&path).unwrap();
    assert!(registry.reload().unwrap_err().to_string().contains("cannot be read"));
}

/// Counts failures.
struct Failures(Arc<AtomicUsize>);

impl breaker_core::Listener for Failures {
    fn on_failure(&self, _: &breaker_core::event::Failure<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A file for one test.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.toml"));
    std::fs::write(&path, text).unwrap();
    path
}

//! The file of settings: its tables, the units of its durations, and what a reload takes for half
//! of a file.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod common;

use breaker_core::{CircuitBreaker, Config, ConfigErrorKind, Registry, State};
use common::{breaker, ms, secs};
use std::path::{Path, PathBuf};

const NONE: [(&str, &str); 0] = [];

fn registry(config: Config) -> (Registry, CircuitBreaker) {
    let registry = Registry::new();
    registry.load_env_from(NONE).unwrap();
    let breaker = registry.breaker("api", config).unwrap();
    (registry, breaker)
}

/// A file for one test.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("files_{name}.toml"));
    std::fs::write(&path, text).unwrap();
    path
}

/// What is in force for `fail_max`, and where it came from.
fn fail_max(breaker: &CircuitBreaker) -> (Option<u32>, String) {
    let sources = breaker.setting_sources();
    let source = sources.iter().find(|(key, _)| *key == "fail_max").unwrap();
    (breaker.settings().fail_max, source.1.to_string())
}

#[test]
fn defaults_lie_under_code_all_above_it_and_a_breakers_own_table_above_them() {
    let path = file("order", "[defaults]\nfail_max = 20\nsuccess_threshold = 2\n");
    let from_file = format!("file {}", path.display());
    let (registry, precious) = registry(Config::new().fail_max(1));
    registry.load_file(&path).unwrap();
    assert_eq!(fail_max(&precious), (Some(1), "attribute".to_owned()));
    assert_eq!(precious.settings().success_threshold, 2, "of which code says nothing");
    let plain = registry.breaker("plain", Config::new()).unwrap();
    assert_eq!(fail_max(&plain), (Some(20), from_file.clone()));

    registry.set_config("plain", Config::new().fail_max(3)).unwrap();
    assert_eq!(fail_max(&plain), (Some(3), "configure".to_owned()));

    file("order", "[all]\nfail_max = 30\n[defaults]\nfail_max = 20\n");
    registry.reload().unwrap();
    assert_eq!((fail_max(&precious), fail_max(&plain)), ((Some(30), from_file.clone()), (Some(30), from_file.clone())));

    file("order", "[breakers.api]\nfail_max = 40\n[all]\nfail_max = 30\n");
    registry.reload().unwrap();
    assert_eq!((fail_max(&precious), fail_max(&plain)), ((Some(40), from_file.clone()), (Some(30), from_file)));

    registry.load_env_from([("CIRCUIT_BREAKER_FAIL_THRESHOLD", "50")]).unwrap();
    let from_variable = "environment CIRCUIT_BREAKER_FAIL_THRESHOLD".to_owned();
    assert_eq!((fail_max(&precious), fail_max(&plain)), ((Some(50), from_variable.clone()), (Some(50), from_variable)));
}

#[test]
fn the_older_table_is_refused_with_both_that_take_its_place() {
    let (registry, breaker) = registry(Config::new());
    let path = file("older", "[default]\nfail_max = 20\n");
    let told = registry.load_file(&path).unwrap_err();
    let expected = format!(
        "{}: default: there is no table `default`; write `[defaults]` for settings below those in code, or `[all]` for settings above them",
        path.display()
    );
    assert_eq!(told.to_string(), expected);
    assert_eq!(told.iter().next().unwrap().kind(), ConfigErrorKind::UnknownKey);
    assert_eq!(breaker.settings().fail_max, Some(5));
    let told = registry.load_file(file("older", "default = 5\n[al]\n")).unwrap_err().to_string();
    assert!(told.contains("`[defaults]`") && told.contains("did you mean `all`?"), "{told}");
    let told = registry.load_file(file("older", "all = 5\ndefaults = 3\n")).unwrap_err().to_string();
    assert!(told.contains("expected a table, `[all]`") && told.contains("expected a table, `[defaults]`"), "{told}");
}

/// Each way in for a text that is no value; gives the errors.
fn told_everywhere(key: &str, text: &str) -> [String; 4] {
    let (registry, breaker) = registry(Config::new());
    let before = breaker.settings();
    let variable = format!("API_CIRCUIT_{}", key.to_uppercase());
    let of_variable = registry.load_env_from([(&variable, text)]).unwrap_err().to_string();
    let of_all =
        registry.load_env_from([(format!("CIRCUIT_BREAKER_{}", key.to_uppercase()), text)]).unwrap_err().to_string();
    let of_file = registry.load_file(file("units", &format!("[all]\n{key} = \"{text}\"\n"))).unwrap_err().to_string();
    let of_text = Config::new().with_str(key, text).unwrap_err().to_string();
    assert_eq!(breaker.settings(), before, "nothing of it is in force");
    [of_variable, of_all, of_file, of_text]
}

#[test]
fn other_units_are_refused_everywhere_with_what_was_meant() {
    let cases = [
        ("recovery_timeout", "5M", "5m"),
        ("recovery_timeout", "30S", "30s"),
        ("fail_window", "2 minutes", "2 m"),
        ("probe_timeout", "1h 30min", "1h 30m"),
        ("slow_call_duration", "7µs", "7us"),
        ("window", "90secs", "90s"),
        ("ramp", "1day", "1d"),
        ("on_cancel", "2weeks", "2w"),
        ("backoff", "factor=2, max=5M", "factor=2, max=5m"),
    ];
    for (key, text, meant) in cases {
        for told in told_everywhere(key, text) {
            assert!(told.contains(&format!("is `{text}`, expected ")), "{told}");
            assert!(told.ends_with(&format!("; did you mean `{meant}`?")), "{told}");
        }
    }
    for text in ["1y", "2 months"] {
        for told in told_everywhere("recovery_timeout", text) {
            assert!(told.ends_with("; months and years are written in days, such as \"30d\""), "{told}");
        }
    }
    for told in told_everywhere("recovery_timeout", "5parsecs") {
        assert!(told.ends_with("expected a duration such as \"30s\" (a bare number is seconds)"), "{told}");
    }
}

#[test]
fn every_documented_unit_and_a_bare_number_are_read() {
    let cases = [
        ("1w", secs(604_800)),
        ("2d", secs(172_800)),
        ("3h", secs(10_800)),
        ("4m", secs(240)),
        ("5s", secs(5)),
        ("6ms", ms(6)),
        ("1h 30m", secs(5400)),
        ("90", secs(90)),
        ("0.5", ms(500)),
    ];
    for (text, span) in cases {
        assert_eq!(Config::new().with_str("recovery_timeout", text).unwrap(), Config::new().recovery_timeout(span));
    }
}

#[test]
fn settings_are_shown_as_they_are_read() {
    for span in [secs(86_400), secs(40 * 86_400), secs(400 * 86_400 + 3661), ms(1)] {
        let shown = breaker(Config::new().recovery_timeout(span)).settings();
        let (key, text) = shown.to_strings().into_iter().find(|(key, _)| *key == "recovery_timeout").unwrap();
        assert_eq!(Config::new().with_str(key, &text).unwrap(), Config::new().recovery_timeout(span), "{text}");
    }
}

#[test]
fn a_file_that_is_empty_after_one_that_was_not_is_refused() {
    let path = file("empty", "[all]\nenabled = false\n[breakers.api]\nfail_max = 2\n");
    let (registry, breaker) = registry(Config::new());
    registry.load_file(&path).unwrap();
    for text in ["", "\n\n", "# settings of the breakers\n"] {
        file("empty", text);
        let other = file("empty_too", text);
        for (read, path) in
            [(registry.reload(), &path), (registry.load_file(&path), &path), (registry.load_file(&other), &other)]
        {
            let told = read.unwrap_err();
            assert_eq!(told.iter().next().unwrap().kind(), ConfigErrorKind::File);
            let told = told.to_string();
            assert!(told.starts_with(&format!("{}: is empty", path.display())) && told.contains("rename it"), "{told}");
            assert_eq!((breaker.state(), breaker.settings().fail_max), (State::Disabled, Some(2)), "{text:?}");
        }
    }
    file("empty", "[all]\nenabled = false\n[breakers.api]\nfail_ma");
    assert!(registry.reload().unwrap_err().to_string().contains("is not TOML"));
    file("empty", "[breakers.api]\nfail_max = 3\n");
    registry.reload().unwrap();
    assert_eq!((breaker.state(), breaker.settings().fail_max), (State::Closed, Some(3)), "a table is meant so");
}

#[test]
fn an_empty_table_says_that_nothing_is_set_and_an_empty_file_may_stay_so() {
    for text in ["[all]\n", "[defaults]\n", "[breakers]\n", "[breakers.other]\n"] {
        let path = file("nothing", "[breakers.api]\nfail_max = 2\n");
        let (registry, breaker) = registry(Config::new());
        registry.load_file(&path).unwrap();
        file("nothing", text);
        registry.reload().unwrap();
        assert_eq!(breaker.settings().fail_max, Some(5), "{text}");
        file("nothing", "");
        registry.reload().expect("the one before set nothing");
    }
    let (registry, breaker) = registry(Config::new());
    registry.load_file(file("nothing", "")).unwrap();
    registry.reload().unwrap();
    registry.load_file(file("nothing", "[all]\nfail_max = 2\n")).unwrap();
    registry.load_file(file("nothing", "[all]\n")).unwrap();
    registry.load_file(file("nothing", "")).expect("the one before set nothing");
    assert_eq!(breaker.settings().fail_max, Some(5));
}

#[test]
fn a_variable_is_not_read_again_with_a_file_that_is_refused() {
    let path: &Path = &file("both", "[breakers.api]\nfail_max = 2\n");
    let (registry, breaker) = registry(Config::new());
    registry.load_env_from([("API_CIRCUIT_SUCCESS_THRESHOLD", "4")]).unwrap();
    registry.load_file(path).unwrap();
    file("both", "");
    registry.reload().unwrap_err();
    file("both", "[breakers.api]\nfail_max = 3\n");
    registry.reload().unwrap();
    assert_eq!((breaker.settings().fail_max, breaker.settings().success_threshold), (Some(3), 4));
}

#[test]
fn a_name_that_needs_quotes_is_told_with_them() {
    let (registry, _) = registry(Config::new());
    for (text, written) in [
        ("[breakers.acme.invoices]\nfail_max = 3\n", "`[breakers.\"acme.invoices\"]`"),
        ("[breakers.acme.invoices.eu]\nbackoff = { factor = 2 }\n", "`[breakers.\"acme.invoices.eu\"]`"),
        ("[functions.acme.get]\ntimeout = \"2s\"\n", "`[functions.\"acme.get\"]`"),
        ("[breakers.shop::Client]\nfail_max = 3\n", "`[breakers.\"shop::Client\"]`"),
        ("[all]\n[breakers.the shop] # open\n", "`[breakers.\"the shop\"]`"),
        ("[breakers.hosts[a]]\n", "`[breakers.\"hosts[a]\"]`"),
        ("[functions.shop::Client::get]\n", "`[functions.\"shop::Client::get\"]`"),
    ] {
        let told = registry.load_file(file("quotes", text)).unwrap_err().to_string();
        assert!(told.contains(&format!("is in quotes: {written}")), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
        let quoted = written.trim_matches('`');
        let quoted = format!("{quoted}\n{}", text.lines().filter(|line| !line.starts_with('[')).collect::<String>());
        registry.load_file(file("quotes", &quoted)).unwrap();
    }
    for text in ["[breakers.\"shop::Client\"\nfail_max = 3\n", "[all]\nfail_max = :\n", "[breakers.api]\nother = 1\n"] {
        let told = registry.load_file(file("quotes", text)).unwrap_err().to_string();
        assert!(!told.contains("is in quotes"), "{told}");
    }
}

//! Fuzzes the settings of breaker-core: variables and files.
//!
//! It reports problems, and the settings that it applies leave breakers that work.

use breaker_core::{CallError, Config, Registry, State};
use std::path::PathBuf;

/// Lines `NAME=VALUE`, as the process's variables.
pub fn environment(input: &str) {
    let registry = registry();
    let variables = || input.lines().filter_map(|line| line.split_once('='));
    if let Err(problems) = registry.load_env_from(variables()) {
        assert!(!problems.to_string().is_empty());
    }
    assert_work(&registry);
}

/// A settings file.
pub fn file(input: &str) {
    let registry = registry();
    // Not a variable of the process.
    registry.load_env_from::<&str, &str>([]).expect("nothing is no problem");
    let before = shown(&registry);
    let path = path();
    std::fs::write(&path, input).expect("the directory of temporary files is writable");
    let loaded = registry.load_file(&path);
    std::fs::remove_file(&path).expect("it is there");
    match loaded {
        Ok(report) => assert!(!report.to_string().is_empty()),
        Err(problems) => {
            assert!(!problems.to_string().is_empty());
            assert_eq!(shown(&registry), before, "a file with a problem is refused whole");
        }
    }
    assert_work(&registry);
}

/// One file for each thread, since tests run at the same time.
fn path() -> PathBuf {
    let name = format!("breaker-fuzz-{}-{:?}.toml", std::process::id(), std::thread::current().id());
    std::env::temp_dir().join(name)
}

fn registry() -> Registry {
    let registry = Registry::new();
    for (name, config) in [
        ("api", Config::new()),
        ("api_b", Config::new().failure_rate(0.5).window_calls(20)),
        ("slow", Config::new().slow_call_duration(std::time::Duration::from_secs(1)).env_prefix("S")),
    ] {
        registry.breaker(name, config).expect("the settings are in their ranges");
    }
    registry
}

fn shown(registry: &Registry) -> Vec<String> {
    registry.breakers().iter().map(|breaker| breaker.settings().to_string()).collect()
}

/// Each breaker admits its first call, failures open it or do not, and it can still show itself.
fn assert_work(registry: &Registry) {
    for breaker in registry.breakers() {
        let settings = breaker.settings();
        assert!(breaker.call_sync(|| Ok::<_, ()>(())).is_ok(), "{settings}");
        let most = settings.fail_max.unwrap_or(u32::MAX);
        for _ in 0..most.min(20) {
            let answer = breaker.call_sync(|| Err::<(), _>(()));
            assert!(matches!(answer, Err(CallError::Inner(()) | CallError::Rejected(_))));
        }
        if most <= 20 && settings.enabled && !settings.recovery_timeout.is_zero() {
            assert_ne!(breaker.state(), State::Closed, "{settings}");
        }
        let _ = (breaker.snapshot(), breaker.try_acquire().map(drop));
    }
    let _ = registry.health();
}

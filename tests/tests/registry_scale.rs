//! Many breakers of one registry: the work for each is the same, however many there are.
//! Allocations stand for work, since every comparison of names begins with one.
#![allow(clippy::unwrap_used, reason = "a test may")]

use breaker_core::{Config, Registry};

fn variables(count: usize) -> impl Iterator<Item = (String, String)> {
    (0..count).map(|n| (format!("TENANT_{n:05}_CIRCUIT_FAIL_MAX"), "3".to_owned()))
}

/// Allocations for each breaker: to make it, and to put other variables in force.
fn work(count: usize) -> (f64, f64) {
    let registry = Registry::new();
    registry.load_env_from(variables(count)).unwrap();
    let names: Vec<_> = (0..count).map(|n| format!("tenant_{n:05}")).collect();
    let made = allocation_counter::measure(|| {
        for name in &names {
            registry.breaker(name, Config::new()).unwrap();
        }
    });
    let others = variables(count);
    let reloaded = allocation_counter::measure(|| drop(registry.load_env_from(others).unwrap()));
    assert_eq!(registry.get("tenant_00007").unwrap().settings().fail_max, Some(3));
    let each = |work: allocation_counter::AllocationInfo| work.count_total as f64 / count as f64;
    (each(made), each(reloaded))
}

#[test]
fn the_work_for_a_breaker_does_not_grow_with_their_number() {
    let (few, many) = (work(100), work(2_000));
    assert!(many.0 <= few.0 * 1.1, "made: {few:?} and {many:?} allocations");
    assert!(many.1 <= few.1 * 1.1, "reloaded: {few:?} and {many:?} allocations");
}

/// What is wrong with the configuration is remembered as long as it holds.
#[test]
fn names_that_nobody_has_are_forgotten_with_their_file() {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("many_unknown_names.toml");
    let registry = Registry::new();
    registry.load_env_from([("", ""); 0]).unwrap();
    let mut load = |round: usize| {
        let tables: String = (0..50).map(|n| format!("[breakers.unknown_{round}_{n}]\n")).collect();
        std::fs::write(&path, tables).unwrap();
        assert_eq!(registry.load_file(&path).unwrap().warnings().len(), 50);
    };
    (0..5).for_each(&mut load);
    let kept = allocation_counter::measure(|| (5..205).for_each(&mut load));
    assert!(kept.bytes_current < 10_000, "200 files later {} bytes more are kept", kept.bytes_current);
}

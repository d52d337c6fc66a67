//! Checks what `COMPARE.md` says of the breakers of a `key`.

use breaker_core::{CallError, CircuitBreaker, CircuitBreakerError, Registry, State, circuit_breaker};

const DOCUMENT: &str = include_str!("../../../COMPARE.md");

#[circuit_breaker(name = "hosts", key = host, fail_max = 1, max_keys = 3)]
async fn ask(host: &str, up: bool) -> Result<(), CallError<()>> {
    if up { Ok(()) } else { Err(CallError::Inner(())) }
}

#[circuit_breaker(name = "tenants", key = tenant)]
fn count(tenant: &str) -> Result<usize, CircuitBreakerError> {
    Ok(tenant.len())
}

fn known(name: &str) -> Option<CircuitBreaker> {
    Registry::global().get(name)
}

#[tokio::test(start_paused = true)]
async fn a_thousand_keys_leave_three_breakers_and_the_open_one_is_kept() {
    ask("down", false).await.expect_err("it fails");
    for host in 0..1000 {
        ask(&format!("host{host}"), true).await.expect("it is closed");
    }
    assert!(known("hosts[host997]").is_none(), "it was used least recently");
    assert!(known("hosts[host998]").is_some() && known("hosts[host999]").is_some());
    assert_eq!(known("hosts[down]").expect("it is open").state(), State::Open);
}

#[test]
fn the_table_names_the_default_number_of_keys() {
    count("one").expect("it is closed");
    let default = known("tenants").expect("it was called").snapshot().settings.max_keys;
    assert_eq!(default, 10_000);
    assert!(DOCUMENT.contains("| breaker-core 0.1.0 | one per value of `key`, at most `max_keys` (10,000) |"));
}

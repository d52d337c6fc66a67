//! Shares what all tests of clients need: a breaker, calls through it, and the expected results.

use breaker_core::{CircuitBreaker, Config, Snapshot, State};
use breaker_servers::{Server, find, missing, until};
use std::process::Command;
use std::time::Duration;

/// The number of consecutive failures that opens the breakers of these tests.
pub const FAIL_MAX: u32 = 3;

/// A breaker that opens after [`FAIL_MAX`] consecutive failures and admits a probe every 100 ms.
/// `limit` is the time limit of its calls, where there is one.
///
/// # Panics
///
/// Never, since the settings are valid.
#[must_use]
pub fn breaker(name: &str, limit: Option<Duration>) -> CircuitBreaker {
    let config = Config::new().fail_max(FAIL_MAX).recovery_timeout(Duration::from_millis(100));
    let config = match limit {
        Some(limit) => config.timeout(limit),
        None => config,
    };
    CircuitBreaker::new(name, config).expect("the settings are valid")
}

/// Makes calls until the breaker opens, which must be after [`FAIL_MAX`] of them.
///
/// # Panics
///
/// When it is not open by then.
pub async fn opens(breaker: &CircuitBreaker, mut call: impl AsyncFnMut()) -> Snapshot {
    for _ in 0..FAIL_MAX {
        call().await;
    }
    assert_eq!(breaker.state(), State::Open, "{:?}", breaker.snapshot());
    breaker.snapshot()
}

/// Makes calls until the breaker is closed again.
///
/// # Panics
///
/// When it does not close in time.
pub async fn closes(breaker: &CircuitBreaker, mut call: impl AsyncFnMut()) {
    until(&format!("`{}` closes", breaker.name()), async || {
        call().await;
        breaker.state() == State::Closed
    })
    .await;
}

/// Freezes the server and thaws it, then kills it and starts it again. The breaker must open and
/// close by these calls each time.
///
/// # Panics
///
/// When the breaker does not.
pub async fn freezes_and_ends(server: &mut Server, breaker: &CircuitBreaker, mut call: impl AsyncFnMut()) {
    server.freeze();
    opens(breaker, &mut call).await;
    server.thaw();
    closes(breaker, &mut call).await;
    server.kill();
    opens(breaker, &mut call).await;
    server.restart().await;
    closes(breaker, &mut call).await;
}

/// Makes 1,000 calls, after which the breaker must be closed without a failure.
///
/// # Panics
///
/// When one of them counts as a failure.
pub async fn stays_closed(breaker: &CircuitBreaker, mut call: impl AsyncFnMut()) {
    let before = breaker.snapshot().failure_count;
    for _ in 0..1_000 {
        call().await;
    }
    let after = breaker.snapshot();
    assert_eq!((after.failure_count, breaker.state()), (before, State::Closed), "{after:?}");
}

/// The examples of the guide that need a client.
#[cfg(doctest)]
macro_rules! pages {
    ($($page:ident)*) => {$(
        #[doc = include_str!(concat!("../../../docs/guide/", stringify!($page), ".md"))]
        mod $page {}
    )*};
}

#[cfg(doctest)]
pages! { clients clients_databases clients_redis clients_http clients_aws clients_messaging clients_layers }

/// Whether this process has a network of its own, so that it should run `test`. Otherwise another
/// process runs it there, where that is possible: it takes root, and `ip`.
///
/// # Panics
///
/// When the test fails there.
#[must_use]
pub fn own_network(test: &str) -> bool {
    const INSIDE: &str = "BREAKER_CLIENTS_OWN_NETWORK";
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let may =
        find("ip").is_some() && Command::new("unshare").args(["--net", "true"]).status().is_ok_and(|it| it.success());
    if may {
        let this = std::env::current_exe().expect("a test is a program");
        let run = Command::new("unshare").arg("--net").arg(this).args(["--exact", test]).env(INSIDE, "yes").status();
        assert!(run.expect("`unshare` is there").success(), "`{test}` fails in a network of its own");
    } else {
        missing("ip, as root,", "iproute2");
    }
    false
}

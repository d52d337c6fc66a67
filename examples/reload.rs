//! Changes settings while the process runs.
//!
//! `Registry::reload` reads the file again, here on SIGHUP.
//!
//! `cargo run --example reload` plays the operator too. It edits the file, sends itself the signal,
//! makes a mistake, and corrects it.
#![expect(clippy::print_stdout, reason = "an example shows what happens")]

use std::{error::Error, fs, path::Path, path::PathBuf, time::Duration};

use breaker_core::{CircuitBreaker, CircuitBreakerError, Registry, circuit_breaker};
use thiserror::Error;

#[derive(Debug, Error)]
enum SearchError {
    #[error("the search service answered 503")]
    Upstream,
    #[error("not called")]
    Breaker(#[from] CircuitBreakerError),
}

/// Every third call fails, so there are never many consecutive failures.
#[circuit_breaker(name = "search", fail_max = 5)]
async fn search(call: usize) -> Result<(), SearchError> {
    if call.is_multiple_of(3) { Err(SearchError::Upstream) } else { Ok(()) }
}

/// A service's reaction to the signal: one call, and the log reports errors and warnings.
fn reload() {
    match Registry::global().reload() {
        Ok(report) => println!("   reloaded, {report}"),
        Err(problems) => println!("   refused, nothing has changed:\n     {problems}"),
    }
}

/// Waits for the operator's signal. On systems without signals, a file watcher would call `reload`.
struct Signals {
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            hangup: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())?,
        })
    }

    /// The operator: writes the file, and reports it with `kill -HUP`.
    async fn edit(&mut self, path: &Path, text: &str) -> std::io::Result<()> {
        println!("\n>> the operator writes: {}", text.trim_end().replace('\n', "; "));
        // Writes another file and renames it, so that no reload reads half of it.
        let beside = path.with_extension("new");
        fs::write(&beside, text)?;
        fs::rename(beside, path)?;
        #[cfg(unix)]
        {
            let process = std::process::id().to_string();
            std::process::Command::new("kill").args(["-HUP", &process]).status()?;
            // A signal that does not arrive must not keep the example from ending.
            let _ = tokio::time::timeout(Duration::from_secs(5), self.hangup.recv()).await;
        }
        reload();
        Ok(())
    }
}

async fn thirty_calls(breaker: &CircuitBreaker) {
    for call in 1..=30 {
        let _ = search(call).await;
    }
    let shown = breaker.snapshot();
    let rejected = shown.rejected_count;
    let because = shown.opened_because.unwrap_or_else(|| "no rule holds".to_owned());
    println!("   30 calls later: {} ({because}), {} failures, {rejected} rejected", shown.state, shown.failure_count);
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let path: PathBuf = std::env::temp_dir().join(format!("breakers-{}.toml", std::process::id()));
    fs::write(&path, "[breakers.search]\nfail_max = 4\n")?;
    let registry = Registry::global();
    registry.load_env()?;
    registry.load_file(&path)?;
    let mut signals = Signals::listen()?;
    let breaker = registry.get("search").ok_or("the attribute registers it")?;
    let fail_max = breaker.settings().fail_max.ok_or("the file gives it")?;
    println!("fail_max is {fail_max}, from the file");
    thirty_calls(&breaker).await;

    signals.edit(&path, "[breakers.search]\nfailure_rat = 0.3\n").await?;
    thirty_calls(&breaker).await;

    signals.edit(&path, "[breakers.search]\nfailure_rate = 0.3\nwindow = 20\n").await?;
    println!("   counts and listeners are still there: {} failures", breaker.snapshot().failure_count);
    thirty_calls(&breaker).await;
    fs::remove_file(&path)?;
    Ok(())
}

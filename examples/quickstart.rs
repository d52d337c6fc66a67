//! Shows the quick start: one attribute for a breaker, and one for a fallback while it is open.
//!
//! `cargo run --example quickstart` calls a service that fails five times and then recovers.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "an example shows what happens")]

use std::{
    process::ExitCode,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use breaker_core::{CircuitBreakerError, Registry, circuit_breaker, fallback};
use thiserror::Error;

#[derive(Debug, Error)]
enum WeatherError {
    #[error("the weather service answered 500")]
    Upstream,
    #[error("not called")]
    Breaker(#[from] CircuitBreakerError),
}

/// The service behind the breaker: its first calls fail. It counts them, to show which ones reach
/// it.
static CALLS_THAT_ARRIVED: AtomicU32 = AtomicU32::new(0);

#[circuit_breaker(name = "weather", fail_max = 3, recovery_timeout = "500ms")]
#[fallback(climate = usual_weather)]
async fn weather(city: &str) -> Result<String, WeatherError> {
    let call = CALLS_THAT_ARRIVED.fetch_add(1, Ordering::Relaxed) + 1;
    if call <= 4 { Err(WeatherError::Upstream) } else { Ok(format!("{city}: 21 degrees, sunny")) }
}

/// Called with the same arguments, instead of `weather`, while the breaker is open.
fn usual_weather(city: &str) -> Option<String> {
    Some(format!("{city}: mild at this time of the year (the service is down)"))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Reports every variable with an invalid value, such as WEATHER_CIRCUIT_FAIL_MAX=banana, before
    // the first call.
    let settings = Registry::global().load_env();
    let report = settings.as_ref().unwrap_or_else(|problems| problems.report());
    report.warnings().iter().for_each(|warning| eprintln!("{warning}"));
    if let Err(problems) = &settings {
        eprintln!("{problems}");
        return ExitCode::from(2);
    }
    for n in 1..=12 {
        let told = match weather("Porto").await {
            Ok(weather) => weather,
            Err(error) => format!("error: {error}"),
        };
        let state = Registry::global().get("weather").map_or("unknown", |breaker| breaker.state().as_str());
        println!("call {n:>2}  breaker {state:<9}  {told}");
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    println!("{} of 12 calls reached the service.", CALLS_THAT_ARRIVED.load(Ordering::Relaxed));
    ExitCode::SUCCESS
}

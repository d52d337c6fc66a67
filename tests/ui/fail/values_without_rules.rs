use breaker_core::{circuit_breaker, fallback};

#[circuit_breaker(failure_if(|found| found.is_none()))]
async fn without_value() -> Option<u8> {
    None
}

#[circuit_breaker]
#[fallback(value(true))]
fn without_failures() -> bool {
    true
}

#[circuit_breaker(name = "both")]
async fn without_both() -> Vec<(u8, &'static str)> {
    Vec::new()
}

#[circuit_breaker(failure_if(false))]
#[fallback(|_| Some(true))]
async fn the_last_step_may_decline() -> bool {
    true
}

fn main() {}

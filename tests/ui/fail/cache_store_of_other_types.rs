use breaker_core::{CircuitBreakerError, Stored, circuit_breaker, fallback};

type Answers = moka::future::Cache<u32, Stored<String>>;

#[circuit_breaker]
#[fallback(cache(store = answers, key = query))]
async fn call(answers: &Answers, query: &str) -> Result<String, CircuitBreakerError> {
    drop(answers);
    Ok(query.to_owned())
}

fn main() {
    drop(call(&Answers::new(1), "a"));
}

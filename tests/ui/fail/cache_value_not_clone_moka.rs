use breaker_core::{CircuitBreakerError, Stored, circuit_breaker, fallback};

struct Answer;

type Answers = moka::future::Cache<String, Stored<Answer>>;

#[circuit_breaker]
#[fallback(cache(store = answers, key = query))]
async fn call(answers: &Answers, query: &str) -> Result<Answer, CircuitBreakerError> {
    drop((answers, query));
    Ok(Answer)
}

fn main() {
    drop(call(&Answers::new(1), "a"));
}

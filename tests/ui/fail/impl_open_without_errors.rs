use breaker_core::{circuit_breaker, fallback};

struct Flags;

#[circuit_breaker(open = |_| "open")]
impl Flags {
    #[circuit_breaker(failure_if(|up| !up))]
    #[fallback(value(false))]
    async fn is_up(&self) -> bool {
        true
    }

    #[circuit_breaker(skip)]
    fn get(&self) -> Result<u8, &'static str> {
        Ok(1)
    }
}

fn main() {}

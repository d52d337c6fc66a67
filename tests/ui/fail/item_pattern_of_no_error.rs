use breaker_core::circuit_breaker;

enum Kind {
    Missing,
}

#[circuit_breaker(exclude(Kind::Missing))]
async fn call() -> anyhow::Result<u8> {
    let _ = Kind::Missing;
    Ok(1)
}

#[circuit_breaker(exclude(std::num::IntErrorKind::Empty))]
async fn misspelt() -> Result<u8, std::io::Error> {
    Ok(1)
}

fn main() {}

use breaker_core::circuit_breaker;

#[circuit_breaker]
macro_rules! one {
    () => {
        1
    };
}

fn main() {
    drop(one!());
}

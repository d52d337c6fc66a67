use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    One(#[classify(delegate)] u8),
}

fn main() {}

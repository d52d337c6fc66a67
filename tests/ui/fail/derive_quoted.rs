use breaker_core::Classify;

#[derive(Classify)]
enum Fault {
    #[classify("ignored")]
    One,
}

fn main() {}
